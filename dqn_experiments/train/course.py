"""What one environment did, which another one can play again to get to where it is."""

import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from dqn_experiments.errors import StateError
from dqn_experiments.experience.timestep import Beginning, Timestep
from dqn_experiments.state import State

if TYPE_CHECKING:  # torch would be with it, in a process that has no use for it
    from dqn_experiments.experience.contract import Single

Make = Callable[[], "Single"]
LAST = 10
"""Steps at whose end a state is looked for, as not every moment gives one."""
MISSES = 3
"""In a row, after which an environment is not followed any longer."""


class Reached(NamedTuple):
    """What playing a course came to."""

    steps: int
    """Played by then; 0: no moment could be saved."""
    state: State


@dataclass
class Course:
    """What one environment did from a state on, or from a seed on."""

    start: State | None = None
    """None: it was seeded."""
    begun: dict[int, Beginning] = field(default_factory=dict)
    """Episodes, by the number of actions before them."""
    actions: list[int] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)
    """What each action led to, as `check` has it."""
    candidate: Reached | None = None
    """A state on the way that has not been played on from."""
    failed: bool = False
    missed: int = 0
    """Times that it was played and no moment could be saved."""

    @property
    def played(self) -> int:
        """Actions before the newest state."""
        return self.candidate.steps if self.candidate else 0

    def left(self) -> "Course":
        """The same from its newest state on."""
        done = self.played
        return Course(
            self.candidate.state if self.candidate else self.start,
            {step - done: each for step, each in self.begun.items() if step >= done},
            self.actions[done:],
            self.checks[done:],
        )

    def learn(self, reached: Reached | None) -> None:
        """Take note of what playing what was left came to; None: to something else."""
        if reached is None:
            self.failed = self.candidate is None
            self.candidate = None
            return
        done = self.played
        if self.candidate:  # it has been played on from, and all was as it had been
            del self.actions[:done], self.checks[:done]
            self.begun = {step - done: each for step, each in self.begun.items() if step >= done}
            self.start, done = self.candidate.state, 0
        self.candidate = Reached(done + reached.steps, reached.state) if reached.steps else None
        self.missed = 0 if reached.steps else self.missed + 1
        self.failed = self.missed == MISSES


def check(timestep: Timestep, index: int) -> int:
    """A checksum of what environment `index` showed and scored."""
    return zlib.crc32(timestep.score[index].tobytes(), zlib.crc32(timestep.frame[index].tobytes()))


@cache  # to make one takes longer than to bring it to a state
def _made(pickled: bytes) -> "Single":
    make: Make = pickle.loads(pickled)
    return make()


def play(make: bytes, course: Course) -> Reached | None:
    """Play a course; None if it comes to something else than what it says.

    `make` is a pickled `Make`, which can be told from others.
    """
    env, reached = _made(make), Reached(0, {})
    try:
        if course.start is not None:
            env.load_state_dict(course.start)
    except StateError:
        return None
    for number, (action, expected) in enumerate(zip(course.actions, course.checks, strict=True)):
        if number in course.begun:
            env.begin(*course.begun[number])
        if check(env.step(action), 0) != expected:
            return None
        if number >= len(course.actions) - LAST and env.savable:
            reached = Reached(number + 1, env.state_dict())
    return reached
