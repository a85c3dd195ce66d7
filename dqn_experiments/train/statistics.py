"""Running figures of training: what the episodes gather, and the losses of updates."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.run.record import Episode
from dqn_experiments.state import State, matching

UNREAD = 100  # losses at most that wait on the device: how late one that is not finite is noticed


class Losses:
    """Sum and number of all losses so far, read from the device now and then."""

    def __init__(self) -> None:
        self._so_far = np.zeros(2)
        self._steps: list[int] = []
        self._unread: Tensor | None = None

    def add(self, step: int, loss: Tensor) -> None:
        """Take in the loss f32 [] of an update made after `step` steps."""
        if self._unread is None:
            # one place for all: small tensors kept between batches would scatter the heap
            self._unread = loss.new_empty(UNREAD)
        self._unread[len(self._steps)] = loss
        self._steps.append(step)
        if len(self._steps) == UNREAD:
            self.so_far()

    def so_far(self) -> NDArray[np.float64]:
        """f64 [2]: sum and number. Raises FloatingPointError if a loss was not finite."""
        steps, self._steps = self._steps, []
        if steps and self._unread is not None:
            losses = self._unread[: len(steps)].tolist()
            for step, loss in zip(steps, losses, strict=True):
                if not math.isfinite(loss):
                    raise FloatingPointError(f"the loss became {loss} at step {step}")
                self._so_far += loss, 1
        return self._so_far

    def state_dict(self) -> State:
        """Sum and number."""
        return {"so_far": self.so_far().copy()}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError."""
        self._so_far = matching(state, "so_far", self._so_far)


class EpisodeStatistics:
    """Accumulates the episodes of N running environments."""

    def __init__(self, num_envs: int) -> None:
        self._return = np.zeros(num_envs)
        self._length = np.zeros(num_envs, np.int64)
        self._value = np.zeros(num_envs)
        self._greedy = np.zeros(num_envs, np.int64)
        self._loss_at_start = np.zeros((num_envs, 2))

    def add(
        self,
        step: int,
        epsilon: float,
        value: NDArray[np.float32],
        timestep: Timestep,
        losses: Callable[[], NDArray[np.float64]],
    ) -> list[Episode]:
        """Take in one step; returns the episodes that it ended.

        Args:
            step: agent steps of the run so far.
            epsilon: the policy's.
            value: f32 [N], of the greedy actions taken; NaN where the policy explored.
            timestep: what came of the actions.
            losses: gives f64 [2], sum and number of all losses of the run so far; asked only where
                an episode ended.
        """
        self._return += timestep.score
        self._length += 1
        greedy = ~np.isnan(value)
        np.add(self._value, value, out=self._value, where=greedy)
        self._greedy += greedy
        done = timestep.done
        if not done.any():
            return []
        so_far = losses()
        ended = [self._row(int(env), step, epsilon, so_far) for env in np.flatnonzero(done)]
        for total in (self._return, self._length, self._value, self._greedy):
            total[done] = 0
        self._loss_at_start[done] = so_far
        return ended

    def state_dict(self) -> State:
        """What the running episodes have gathered."""
        return {name[1:]: total.copy() for name, total in vars(self).items()}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError."""
        for name, total in vars(self).items():
            total[:] = matching(state, name[1:], total)

    def _row(self, env: int, step: int, epsilon: float, losses: NDArray[np.float64]) -> Episode:
        loss, updates = losses - self._loss_at_start[env]
        return Episode(
            step=step,
            episode_return=float(self._return[env]),
            episode_length=int(self._length[env]),
            epsilon=epsilon,
            loss=loss / updates if updates else np.nan,
            q=self._value[env] / self._greedy[env] if self._greedy[env] else np.nan,
        )
