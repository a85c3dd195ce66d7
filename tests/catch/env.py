"""Catch, on a screen: a ball falls, and a paddle below is to be where it lands."""

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.config.constraints import Count, FrameStackSize
from dqn_experiments.experience.timestep import Timestep

CELLS = 12
"""Rows and columns of the board."""
REACH = 2
"""Columns to either side of its own that the paddle covers."""


class Catch:
    """N boards of 12x12 cells, drawn in grey. Play at the highest level has a return of 1.

    A ball begins in any column of the top row, a paddle of 5 cells anywhere in the bottom row.
    Every step the paddle moves one column to the left (0), stays (1) or moves to the right (2), and
    the ball falls by a row. After 11 steps it is down: that is worth 1 if it is caught, -1 if not.

    Args:
        num_envs: N.
        frame_stack: frames in an observation.
        screen_size: pixels a side, 12 or more.
        max_frames: steps until an episode is truncated; None: its 11.
    """

    observation_kind = "image"
    num_actions = 3
    frame_skip = 1
    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        *,
        num_envs: Count,
        frame_stack: FrameStackSize,
        screen_size: Count,
        max_frames: Count | None,
    ) -> None:
        self.num_envs = num_envs
        self.max_frames = CELLS - 1 if max_frames is None else max_frames
        self.observation_shape = (frame_stack, screen_size, screen_size)
        self._rng = [np.random.default_rng(0)] * num_envs
        self._cell = screen_size // CELLS
        self._row, self._ball, self._paddle = np.zeros((3, num_envs), np.int64)

    def reset(self, seed: int, which: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        """Start episodes everywhere or in those of a mask; returns all screens u8 [N, H, W]."""
        for index in np.flatnonzero(np.ones(self.num_envs) if which is None else which).tolist():
            self._rng[index] = np.random.default_rng([seed, index])
            self._begin(index)
        return self._drawn()

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """The outcome of `action` i64 [N]; ended episodes start anew."""
        self._paddle = np.clip(self._paddle + action - 1, REACH, CELLS - 1 - REACH)
        self._row = self._row + 1
        terminal = self._row == CELLS - 1
        done = terminal | (self._row >= self.max_frames)
        caught = abs(self._ball - self._paddle) <= REACH
        reward = np.where(terminal, np.where(caught, 1, -1), 0).astype(np.float32)
        frame = self._drawn()
        for index in np.flatnonzero(done).tolist():
            self._begin(index)
        return Timestep(frame, reward, reward, terminal, done, self._drawn())

    def close(self) -> None:
        """There is nothing to release."""

    def _begin(self, index: int) -> None:
        self._row[index] = 0
        self._ball[index] = self._rng[index].integers(CELLS)
        self._paddle[index] = self._rng[index].integers(REACH, CELLS - REACH)

    def _drawn(self) -> NDArray[np.uint8]:
        """The ball white, the paddle grey."""
        board = np.zeros((self.num_envs, CELLS, CELLS), np.uint8)
        every = np.arange(self.num_envs)
        for shift in range(-REACH, REACH + 1):
            board[every, -1, self._paddle + shift] = 128
        board[every, self._row, self._ball] = 255
        side = self.observation_shape[1]
        screen = np.zeros((self.num_envs, side, side), np.uint8)
        pixels = board.repeat(self._cell, axis=1).repeat(self._cell, axis=2)
        screen[:, : pixels.shape[1], : pixels.shape[2]] = pixels
        return screen
