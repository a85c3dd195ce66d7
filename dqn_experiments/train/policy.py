"""The policy that plays: greedy in a network's values, but for a random action now and then."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqn_experiments.errors import StateError
from dqn_experiments.machine.captured import Captured
from dqn_experiments.machine.devices import sent
from dqn_experiments.machine.randomness import Randomness
from dqn_experiments.state import State, part, restored_rng
from dqn_experiments.train.modes import exploring, noisy_modules


class EpsilonGreedy:
    """Acts for N environments at once, with random streams of its own.

    So whoever plays, however often, changes nothing in what training draws.

    Args:
        network: observations [B, K, *frame] to an output, in evaluation mode; shared, not copied.
        values: that output to action values f32 [B, A].
        num_actions: A.
        rng: decides when to explore, and how.
        seed: of what the network may draw while it acts.
        device: where the network is.
        noisy: whether modules of the network that explore by noise (see `train.modes`) do so.
        graphs: whether to act by CUDA graphs (see `Captured`).
    """

    def __init__(
        self,
        network: nn.Module,
        values: Callable[[Tensor], Tensor],
        num_actions: int,
        rng: np.random.Generator,
        seed: int,
        device: torch.device,
        noisy: bool = False,
        graphs: bool = False,
    ) -> None:
        self._network, self._values, self._num_actions = network, values, num_actions
        self._rng, self._device, self._graphs = rng, device, graphs
        self._best = Captured(partial(_best_actions, network, values), "acting", graphs)
        self._randomness = Randomness(seed, device)
        self._noisy = noisy_modules(network) if noisy else []

    def seeded(self, seed: int) -> "EpsilonGreedy":
        """The same network played with streams of their own, and without noise."""
        rng = np.random.default_rng(seed)
        return EpsilonGreedy(
            self._network,
            self._values,
            self._num_actions,
            rng,
            seed,
            self._device,
            graphs=self._graphs,
        )

    def act(
        self, observation: NDArray[np.generic], epsilon: float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Choose epsilon-greedily in each of N environments.

        Args:
            observation: [N, K, *frame].
            epsilon: probability of a uniformly random action.

        Returns:
            Actions i64 [N], and the values of the greedy ones f32 [N], NaN where it explored.
        """
        explores = self._rng.random(len(observation)) < epsilon
        random_action = self._rng.integers(self._num_actions, size=len(observation))
        if explores.all():
            return random_action, np.full(len(observation), np.nan, np.float32)
        value, action = self._greedy(observation)
        action = np.where(explores, random_action, action)
        return action, np.where(explores, np.float32(np.nan), value)

    @torch.no_grad()
    def _greedy(
        self, observation: NDArray[np.generic]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        with self._randomness, exploring(self._noisy):
            seen = sent(torch.from_numpy(observation), self._device)
            (best,) = self._best(seen)
            value, action = best.cpu().numpy()  # once: whoever copies waits for the device
        return value, action.astype(np.int64)

    def state_dict(self) -> State:
        """Where its streams are."""
        streams = self._randomness.state_dict()
        return {
            "rng": self._rng.bit_generator.state,
            "network": {name: stream.numpy() for name, stream in streams.items()},
        }

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError."""
        rng, streams = restored_rng(part(state, "rng")), part(state, "network")
        try:
            self._randomness.load_state_dict(
                {name: torch.from_numpy(stream) for name, stream in streams.items()}
            )
        except (KeyError, RuntimeError, TypeError) as error:
            raise StateError(f"network: must be random streams ({error})") from error
        self._rng.bit_generator.state = rng.bit_generator.state


def _best_actions(
    network: nn.Module, values: Callable[[Tensor], Tensor], observation: Tensor
) -> tuple[Tensor]:
    """f32 [2, B]: the highest values and their actions."""
    best = values(network(observation)).max(dim=1)
    return (torch.stack([best.values, best.indices.to(best.values.dtype)]),)
