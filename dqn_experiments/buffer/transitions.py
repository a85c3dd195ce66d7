"""Transitions of N environments in rings; stacks and n-step returns are built on the way out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.buffer.frames import FrameStore, Reading
from dqn_experiments.errors import StateError
from dqn_experiments.experience.stacking import lookback
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.state import State, matching, part, plain

SLOT = np.dtype(
    [
        ("action", np.int32),
        ("reward", np.float32),
        ("age", np.uint8),  # frames since the episode's first, up to LARGEST_AGE
        ("terminal", bool),  # nothing follows the action
        ("last", bool),  # the episode's last frame: no action was taken from it
    ]
)
LARGEST_AGE = np.iinfo(np.uint8).max  # enough for the largest frame stack
FIRST = (0, 0, 0, False, False)  # the slot of an episode's first frame, before an action


@dataclass(frozen=True)
class Transitions:
    """B transitions whose frames are still to be decoded."""

    action: NDArray[np.int64]
    reward: NDArray[np.float32]
    discount: NDArray[np.float32]
    frames: Reading
    """[B, K+1 or 2K, *frame]: the first K are the observation, the last K the next one."""


class TransitionRings:
    """The newest `length` slots of each environment.

    A slot holds what was done at one frame. The last frame of an episode takes a slot of its own,
    from which no transition starts, so that a truncated episode can bootstrap from it. Slots are
    numbered as frames are, and named by one index: number * N + environment.
    """

    def __init__(
        self, frames: FrameStore, length: int, stack: int, n_step: int, discount: float
    ) -> None:
        self.count = frames.count
        """i64 [N]: slots filled so far, the overwritten ones too."""
        self.length, self.frames = length, frames
        self._every = np.arange(len(self.count))
        self._slots = np.zeros((len(self.count), length), SLOT)
        self._stack, self._n_step, self._discount = stack, n_step, discount
        self._discounts = np.ones(n_step + 1, np.float32)  # discount^k
        for k in range(n_step):
            self._discounts[k + 1] = self._discounts[k] * np.float64(discount)
        # an observation and the next one share all frames but one, whatever becomes of the episode
        self._new = 1 if n_step == 1 else stack

    def reset(self, frame: NDArray[np.generic]) -> None:
        """Start an episode in every environment with `frame` [N, *frame]; running ones are cut."""
        for env, number in enumerate(self.count.tolist()):
            self._slots["last"][env, (number - 1) % self.length] = True
            self._slots[env, number % self.length] = FIRST
        self.frames.append(self._every, frame)

    def add(self, action: NDArray[np.int64], timestep: Timestep) -> None:
        """Store what `action` i64 [N] led to."""
        outcomes = zip(
            self.count.tolist(),
            action.tolist(),
            timestep.reward.tolist(),
            timestep.terminal.tolist(),
            timestep.done.tolist(),
            strict=True,
        )
        for env, (number, chosen, reward, terminal, done) in enumerate(outcomes):
            here = env, (number - 1) % self.length
            age = int(self._slots["age"][here])
            self._slots[here] = chosen, reward, age, terminal, False
            self._slots[env, number % self.length] = 0, 0, min(age + 1, LARGEST_AGE), False, done
            if done:
                self._slots[env, (number + 1) % self.length] = FIRST
        self.frames.append(self._every, timestep.frame)
        if timestep.done.any():
            begun = np.flatnonzero(timestep.done)
            self.frames.append(begun, timestep.first_frame[begun])

    def __len__(self) -> int:
        """Slots in use."""
        return int(np.minimum(self.count, self.length).sum())

    @property
    def nbytes(self) -> int:
        """Memory in use besides the frames."""
        return self._slots.nbytes

    def index(self, env: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        """The index of each slot."""
        return number * len(self.count) + env

    def stored_index(self, position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of the slots in use, counted through environment by environment."""
        filled = np.minimum(self.count, self.length)
        ends = np.cumsum(filled)
        env = np.searchsorted(ends, position, side="right")
        return self.index(env, self.count[env] - ends[env] + position)

    def slot(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Environment and number of each index."""
        number, env = np.divmod(index, len(self.count))
        return env, number

    def stored(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each slot is not overwritten."""
        env, number = self.slot(index)
        return number >= self.count[env] - self.length

    def last(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each slot holds the last frame of an episode."""
        return self._fields("last", *self.slot(index))

    def complete(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a transition starts at each index and all its n steps are stored."""
        env, number = self.slot(index)
        ahead = self.count[env] - 1 - number  # newer slots
        whole = ahead >= self._n_step
        if self._n_step > 1:
            k = np.arange(1, self._n_step)
            ends = self._fields("last", env[:, None], number[:, None] + k)
            whole |= (ends & (ahead[:, None] >= k)).any(axis=1)
        return whole & ~self._fields("last", env, number)

    def read(self, index: NDArray[np.int64]) -> Transitions:
        """The n-step transitions that start at `index` i64 [B], all of them complete."""
        env, number = self.slot(index)
        steps = self._slots[env[:, None], (number[:, None] + np.arange(self._n_step)) % self.length]
        terminal = steps["terminal"]
        taken = np.ones(terminal.shape, bool)  # whether the episode came to each of the n steps
        taken[:, 1:] = ~np.logical_or.accumulate(terminal[:, :-1] | steps["last"][:, 1:], axis=1)
        gains = np.where(taken, self._discounts[:-1] * steps["reward"], 0)
        length = taken.sum(axis=1)
        ended = (terminal & taken).any(axis=1)
        end = number + length
        observation = self._looking_back(env, number, self._stack)
        frames = np.concatenate([observation, self._looking_back(env, end, self._new)], axis=1)
        return Transitions(
            action=steps["action"][:, 0].astype(np.int64),
            reward=np.add.accumulate(gains, axis=1)[:, -1],
            discount=np.where(ended, np.float32(0), self._discounts[length]),
            frames=self.frames.read(np.broadcast_to(env[:, None], frames.shape), frames),
        )

    def _looking_back(
        self, env: NDArray[np.int64], number: NDArray[np.int64], frames: int
    ) -> NDArray[np.int64]:
        """Numbers of the newest `frames` of each observation, i64 [B, frames]."""
        return number[:, None] - lookback(self._fields("age", env, number), frames)

    def _check(self, slots: NDArray[Any], count: NDArray[np.int64]) -> None:
        """Ages run from 0 at an episode's first frame to its last one, as far as is stored."""
        if (count < 1).any():
            raise StateError("count: every environment has a first frame")
        for env, total in enumerate(count.tolist()):
            number = np.arange(max(0, total - self.length), total)
            stored = slots[env, number % self.length]
            age, last = stored["age"].astype(int), stored["last"]
            follows = np.where(last, 0, np.minimum(age + 1, LARGEST_AGE))
            if (age > number).any() or (age[1:] != follows[:-1]).any():
                raise StateError(f"slots: episodes of environment {env} are mixed up")

    def state_dict(self) -> State:
        """Everything stored."""
        return {
            "n_step": self._n_step,
            "discount": self._discount,
            "slots": self._slots.copy(),
            "frames": self.frames.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError, and takes in nothing then."""
        for name, mine in (("n_step", self._n_step), ("discount", self._discount)):
            if plain(state, name, type(mine)) != mine:
                raise StateError(f"{name}: {mine} expected, found {state[name]}")
        slots, frames = matching(state, "slots", self._slots), part(state, "frames")
        self._check(slots, matching(frames, "count", self.count))
        self.frames.load_state_dict(frames)
        self._slots[:] = slots

    def _fields(self, name: str, env: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[Any]:
        return self._slots[name][env, number % self.length]
