"""Replay memory with uniform sampling (Lin 1992; Mnih et al. 2015)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from dqn_experiments.batch import Batch
from dqn_experiments.constraints import Count, UnitInterval
from dqn_experiments.errors import ConfigError
from dqn_experiments.stacking import lookback
from dqn_experiments.timestep import Timestep

LARGEST_AGE = np.iinfo(np.uint8).max  # enough for the largest frame stack


class UniformReplay:
    """A ring of frames per environment; stacks and n-step successors are rebuilt on the way out.

    Slot i of a ring holds a frame and what was done there: action, reward, whether nothing
    followed. The last frame of an episode takes a slot of its own, from which no transition starts,
    so that a truncated episode can bootstrap from it. `capacity` counts slots.
    """

    def __init__(
        self,
        num_envs: int,
        observation_shape: tuple[int, ...],
        dtype: DTypeLike,
        rng: np.random.Generator,
        device: torch.device,
        /,
        *,
        capacity: Count,
        batch_size: Count,
        replace: bool,
        n_step: Count,
        discount: UnitInterval,
    ) -> None:
        self._stack, *shape = observation_shape
        self._length = -(-capacity // num_envs)  # slots of each ring
        try:
            self._frame = np.empty((num_envs, self._length, *shape), dtype)
        except (MemoryError, ValueError) as error:
            raise ConfigError(f"buffer.capacity={capacity}: {error}; must be smaller") from error
        self._action = np.zeros((num_envs, self._length), np.int64)
        self._reward = np.zeros((num_envs, self._length), np.float32)
        self._terminal = np.zeros((num_envs, self._length), bool)
        self._last = np.zeros((num_envs, self._length), bool)
        self._age = np.zeros((num_envs, self._length), np.uint8)
        self._newest = np.full(num_envs, -1, np.int64)
        self._filled = np.zeros(num_envs, np.int64)
        self._rng, self._device = rng, device
        self._batch_size, self._replace = batch_size, replace
        self._n_step, self._discount = n_step, discount

    def reset(self, frame: NDArray[np.generic]) -> None:
        """Start an episode in every environment with `frame` [N, *frame]."""
        self._append(np.arange(len(self._newest)), frame, np.uint8(0))

    def add(self, action: NDArray[np.int64], timestep: Timestep) -> None:
        """Store what `action` i64 [N] led to."""
        env = np.arange(len(self._newest))
        here = env, self._newest
        self._action[here] = action
        self._reward[here] = timestep.reward
        self._terminal[here] = timestep.terminal
        age = self._age[here]
        self._append(env, timestep.frame, age + (age < LARGEST_AGE))
        done = np.flatnonzero(timestep.done)
        self._last[done, self._newest[done]] = True
        self._append(done, timestep.first_frame[done], np.uint8(0))

    def _append(
        self, env: NDArray[np.int64], frame: NDArray[np.generic], age: NDArray[np.uint8] | np.uint8
    ) -> None:
        self._newest[env] = (self._newest[env] + 1) % self._length
        self._filled[env] = np.minimum(self._filled[env] + 1, self._length)
        slot = env, self._newest[env]
        self._frame[slot] = frame
        self._age[slot] = age
        self._last[slot] = False

    @property
    def nbytes(self) -> int:
        """Memory of the full ring's frames; an operating system hands it out as it fills."""
        return self._frame.nbytes

    def __len__(self) -> int:
        """Slots in use."""
        return int(self._filled.sum())

    def sample(self) -> Batch:
        """Draw `batch_size` transitions, each stored one with the same probability.

        Without replacement they are distinct, as long as that many are stored.
        """
        return self.transitions(self._draw())

    def _draw(self) -> NDArray[np.int64]:
        """Indices i64 [B]: draw slots and reject those where no whole transition starts."""
        drawn = np.empty(0, np.int64)
        for _ in range(100):
            candidate = self._index(self._rng.integers(len(self), size=self._batch_size))
            drawn = np.concatenate([drawn, candidate[self._complete(candidate)]])
            if not self._replace:
                drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
            if len(drawn) >= self._batch_size:
                return drawn[: self._batch_size]
        return self._draw_from_few()

    def _draw_from_few(self) -> NDArray[np.int64]:
        """Indices i64 [B] from a memory so empty that they must repeat."""
        every = self._index(np.arange(len(self)))
        return self._rng.choice(every[self._complete(every)], self._batch_size)

    def _index(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of the slots in use, counted through environment by environment."""
        ends = np.cumsum(self._filled)
        env = np.searchsorted(ends, number, side="right")
        slot = (self._newest[env] - (ends[env] - 1 - number)) % self._length
        return env * self._length + slot

    def _complete(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether all frames of the transition that starts at each index are stored."""
        env, slot = np.divmod(index, self._length)
        ahead = (self._newest[env] - slot) % self._length  # newer slots
        behind = self._filled[env] - 1 - ahead  # older slots, negative where nothing is stored yet
        past = np.minimum(self._age[env, slot], self._stack - 1) <= behind
        future = ahead >= self._n_step
        for k in range(1, self._n_step):
            ends = (ahead >= k) & self._last[env, (slot + k) % self._length]
            future |= ends
        return past & future & (ahead >= 1) & ~self._last[env, slot]

    def transitions(self, index: NDArray[np.int64]) -> Batch:
        """The n-step transitions that start at `index` i64 [B]."""
        env, slot = np.divmod(index, self._length)
        reward = np.zeros(len(index), np.float32)
        discount = np.ones(len(index), np.float32)
        after = slot.copy()
        running = np.ones(len(index), bool)
        for _ in range(self._n_step):
            reward += np.where(running, discount * self._reward[env, after], 0)
            discount *= np.where(running, self._discount * ~self._terminal[env, after], 1)
            running_on = running & ~self._terminal[env, after]
            after = np.where(running, (after + 1) % self._length, after)
            running = running_on & ~self._last[env, after]
        return Batch(
            observation=self._to_device(self._observation(env, slot)),
            action=self._to_device(self._action[env, slot]),
            reward=self._to_device(reward),
            discount=self._to_device(discount),
            next_observation=self._to_device(self._observation(env, after)),
            weight=torch.ones(len(index), device=self._device),
            index=torch.from_numpy(index),
        )

    def _observation(self, env: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.generic]:
        slots = (slot[:, None] - lookback(self._age[env, slot], self._stack)) % self._length
        return self._frame[env[:, None], slots]

    def _to_device(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)
