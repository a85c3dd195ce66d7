"""States of environments in the middle of long episodes, each proven before it counts."""

import logging
import pickle
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.experience.contract import Single
from dqn_experiments.experience.timestep import Beginning, Timestep
from dqn_experiments.machine.aside import Aside
from dqn_experiments.machine.signature import is_signed, signature
from dqn_experiments.state import State, plain
from dqn_experiments.train.course import Course, Make, Reached, check, play

log = logging.getLogger(__name__)

CRASHES = 3
"""Of the process that plays, after which it is left alone."""
SIGNATURE = "signature"


class Shortcut(NamedTuple):
    """An environment of its own that is where one of many was."""

    env: Single
    state: State
    """Which that is."""
    since: int
    """Steps that the one of many has taken since."""


class Shortcuts:
    """Follows environments in long episodes, so that they can be brought back without playing all.

    Each is played again in a process of its own, from its seed or from the newest state, and the
    state that it is in at the end is kept. An emulator may have more state than it saves (ALE's
    does). So one counts only when the environment has been played on from it, `every` steps or
    more, and every frame and score was what it had been.

    Args:
        make: gives an environment that plays exactly as each of the many does.
        num_envs: how many there are.
        every: steps between states of one environment.
    """

    def __init__(self, make: Make, num_envs: int, every: int) -> None:
        self._make, self._every = make, every
        self._courses = [Course() for _ in range(num_envs)]
        self._aside: Aside | None = None
        self._at: tuple[Course, Future[Reached | None]] | None = None
        self._crashes = 0
        self._told = False

    def begin(self, index: int, beginning: Beginning) -> None:
        """An environment was seeded."""
        self._courses[index] = Course(begun={0: beginning})

    def go_on(self, index: int, state: State) -> None:
        """An environment is where it was saved."""
        self._courses[index] = Course(start=state)

    def note(self, action: NDArray[np.int64], timestep: Timestep, began: list[Beginning]) -> None:
        """Every environment has taken a step; where an episode ended, the next one has begun."""
        for index in range(len(self._courses)):
            self.note_one(index, int(action[index]), timestep, index)
            if timestep.done[index]:
                course = self._courses[index]
                course.begun[len(course.actions)] = began[index]

    def note_one(self, index: int, action: int, timestep: Timestep, row: int) -> None:
        """An environment has taken a step, which is in that row."""
        course = self._courses[index]
        if not course.failed:
            course.actions.append(action)
            course.checks.append(check(timestep, row))

    def follow(self, which: NDArray[np.bool_]) -> None:
        """Have those of a mask [N] played, the one first that is furthest behind."""
        if self._crashes == CRASHES or not (which.any() or self._at):
            return
        if self._at and not self._at[1].done():
            return
        try:
            self._take_result()
            self._play_on(which)
        except Exception as error:  # whatever goes wrong with it must do no harm here
            self._crashed(error)

    def _take_result(self) -> None:
        if self._at:
            course, future = self._at
            self._at = None
            try:
                course.learn(future.result())
            except Exception:
                course.candidate = None  # it may be what was wrong
                raise

    def _play_on(self, which: NDArray[np.bool_]) -> None:
        behind = [
            (len(course.actions) - course.played, index)
            for index in np.flatnonzero(which).tolist()
            if not (course := self._courses[index]).failed
        ]
        steps, index = max(behind, default=(0, 0))
        if steps >= self._every:
            self._aside = self._aside or Aside()
            course = self._courses[index]
            self._at = course, self._aside.call(play, pickle.dumps(self._make), course.left())

    def _crashed(self, error: Exception) -> None:
        self._crashes += 1
        self.close()
        if self._crashes == CRASHES:
            log.warning(
                f"long episodes are no longer followed ({type(error).__name__}: {error}); "
                "to go on with the run is to play them again"
            )

    def state_dict(self) -> State:
        """The newest state of each environment that has one, and its steps since then; signed."""
        shortcuts = {
            str(index): {"state": course.start, "since": len(course.actions)}
            for index, course in enumerate(self._courses)
            if course.start is not None and not course.failed
        }
        try:
            return {**shortcuts, SIGNATURE: signature(shortcuts)} if shortcuts else {}
        except OSError as error:
            if not self._told:
                log.warning(
                    f"long episodes will be played again, without a key to sign with: {error}"
                )
                self._told = True
            return {}

    def usable(self, state: State) -> dict[int, Shortcut]:
        """What `state_dict` gave, by environment; nothing if this user did not write it."""
        content = {name: each for name, each in state.items() if name != SIGNATURE}
        if not content:
            return {}
        if not is_signed(content, state.get(SIGNATURE)):
            log.info(
                "long episodes were not saved with the key of this user and machine: "
                "they are played again"
            )
            return {}
        usable = {}
        for name, each in content.items():
            single, since = self._make(), plain(each, "since", int)
            try:
                single.load_state_dict(each["state"])
            except StateError as error:
                log.info(f"a long episode is played again: {error}")
            else:
                usable[int(name)] = Shortcut(single, each["state"], since)
        return usable

    def close(self) -> None:
        """End the process."""
        if self._aside:
            self._aside.close()
        self._aside = self._at = None
