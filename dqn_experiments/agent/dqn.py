"""Deep Q-learning (Mnih et al. 2015) and Double DQN (van Hasselt et al. 2016)."""

import copy
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dqn_experiments.batch import Batch
from dqn_experiments.constraints import Count, UnitInterval

PER_SAMPLE_LOSS: dict[str, Callable[..., Tensor]] = {
    "huber": functional.huber_loss,
    "mse": functional.mse_loss,
}


class DQN:
    """An online network that acts and learns, and a target network that it learns towards.

    The loss compares Q(s, a) per sample with

        y = r + discount * Q_target(s', a*),

    where a* is greedy in the target network or, with `double`, in the online network.
    """

    def __init__(
        self,
        network: nn.Module,
        num_actions: int,
        /,
        *,
        discount: UnitInterval,
        target_update_every: Count,
        random_target: bool,
        double: bool,
        loss: Literal["huber", "mse"],
    ) -> None:
        self.network = network
        self.target_network = copy.deepcopy(network).requires_grad_(False)
        if random_target:
            self.target_network.apply(_reinitialise)
        self.discount = discount  # the replay memory folds it into batches
        self.target_update_every = target_update_every
        self._num_actions = num_actions
        self._double = double
        self._per_sample_loss = PER_SAMPLE_LOSS[loss]
        self._device = next(network.parameters()).device

    def act(
        self, observation: NDArray[np.generic], epsilon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Choose epsilon-greedily in each of N environments.

        Args:
            observation: [N, K, *frame].
            epsilon: probability of a uniformly random action.
            rng: source of that randomness.

        Returns:
            Actions i64 [N], and the values of the greedy ones f32 [N], NaN where it explored.
        """
        explores = rng.random(len(observation)) < epsilon
        random_action = rng.integers(self._num_actions, size=len(observation))
        if explores.all():
            return random_action, np.full(len(observation), np.nan, np.float32)
        value, action = self._greedy(observation)
        action = np.where(explores, random_action, action)
        return action, np.where(explores, np.float32(np.nan), value)

    @torch.no_grad()
    def _greedy(
        self, observation: NDArray[np.generic]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        values = self.network(torch.from_numpy(observation).to(self._device))
        best = values.max(dim=1)
        return best.values.cpu().numpy(), best.indices.cpu().numpy()

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What a batch teaches.

        Returns:
            The loss of each sample, f32 [B], with gradients to the online network, and its TD
            error, f32 [B], without.
        """
        predicted = self.network(batch.observation).gather(1, batch.action[:, None]).squeeze(1)
        target = self._target(batch)
        loss = self._per_sample_loss(predicted, target, reduction="none")
        return loss, target - predicted.detach()

    @torch.no_grad()
    def _target(self, batch: Batch) -> Tensor:
        values = self.target_network(batch.next_observation)
        if self._double:
            action = self.network(batch.next_observation).argmax(dim=1, keepdim=True)
            next_value = values.gather(1, action).squeeze(1)
        else:
            next_value = values.amax(dim=1)
        return batch.reward + batch.discount * next_value

    def sync_target(self) -> None:
        """Copy the online network into the target network."""
        self.target_network.load_state_dict(self.network.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """What there is to restore besides the weights of `network`."""
        return {"target_network": self.target_network.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take in what `state_dict` gave; raises RuntimeError or KeyError if it does not fit."""
        self.target_network.load_state_dict(state["target_network"])


def _reinitialise(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if reset is not None:
        reset()
