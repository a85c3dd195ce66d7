"""Frames are stored once and stacked on the way out, by one rule for acting and for sampling."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dqn_experiments.state import State, matching


def lookback(age: NDArray[np.integer], stack: int) -> NDArray[np.int64]:
    """How many frames back each slot of an observation lies, oldest first.

    The stack of a frame that is `age` frames into its episode repeats the episode's first frame
    where it would reach further back, as gymnasium's FrameStackObservation pads by default.

    Args:
        age: integers [B], frames since the first frame of the episode.
        stack: frames in an observation.

    Returns:
        i64 [B, stack].
    """
    return np.minimum(np.arange(stack - 1, -1, -1), np.asarray(age, np.int64)[:, None])


class FrameStack:
    """The observations of N running environments, for acting."""

    def __init__(self, num_envs: int, observation_shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._recent = np.zeros((num_envs, *observation_shape), dtype)  # newest first
        self._age = np.zeros(num_envs, np.int64)
        self._stack = observation_shape[0]

    def reset(self, frame: NDArray[np.generic]) -> None:
        """Start an episode everywhere with `frame` [N, *frame]."""
        self._recent[:, 0] = frame
        self._age[:] = 0

    def push(self, frame: NDArray[np.generic], starts: NDArray[np.bool_]) -> None:
        """Take in the next frame [N, *frame] of every environment; `starts`: of a new episode."""
        self._recent[:, 1:] = self._recent[:, :-1]
        self._recent[:, 0] = frame
        self._age = np.where(starts, 0, self._age + 1)

    def state_dict(self) -> State:
        """The frames of the running observations."""
        return {"recent": self._recent.copy(), "age": self._age.copy()}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError."""
        recent, age = matching(state, "recent", self._recent), matching(state, "age", self._age)
        self._recent, self._age = recent, age

    @property
    def observation(self) -> NDArray[np.generic]:
        """[N, stack, *frame], oldest frame first."""
        rows = np.arange(len(self._age))[:, None]
        return self._recent[rows, lookback(self._age, self._stack)]
