"""Environments that can be brought back to where they were, whether or not they can be saved."""

import logging
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.experience.contract import Env, Single
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.machine.progress_bar import SECONDS_BETWEEN_LINES, Every, progress_bar
from dqn_experiments.state import State, matching, part, restored_rng
from dqn_experiments.train.recording import SEEDS, Recording
from dqn_experiments.train.shortcuts import Shortcut, Shortcuts

log = logging.getLogger(__name__)

SEED_AFTER = 10_000
"""Steps after which the end of an episode is followed by a seed. It takes ALE 60 to 140 ms to be
seeded, so it is not done every time, and 5 s to repeat 10,000 steps, so it is done now and then."""
OF_ALL = 15_000
"""The same for all environments together, so that each of many is seeded sooner."""
AT_LEAST = 1_000
"""Steps of its own before which none is: a GPU would wait for seeds longer than for games."""

FOLLOW_AFTER = 1.5
"""Times as old an environment is followed: most episodes have ended by then."""


class RecordedEnv:
    """Plays `env` and keeps a record of its seeds and of the actions since.

    The record is its state; to load one is to play it again, `between_steps` being called before
    every step: what it raises ends the playing. Three things keep that short. No episode is cut off
    for any of them, and whether or when a run is saved makes no difference to what it plays.

    - Now and then an environment's next episode starts from a new seed.
    - An `env` that can save its state (see `Env`) does, and the record begins there.
    - One whose episode lasts longer is followed (see `Shortcuts`), if `env` has `single`. Brought
      back, such an environment is played by one of its own until that episode ends.
    """

    def __init__(
        self, env: Env, rng: np.random.Generator, between_steps: Callable[[], None] = lambda: None
    ) -> None:
        self._env, self._rng, self._between_steps = env, rng, between_steps
        self.num_envs, self.frame_skip = env.num_envs, env.frame_skip
        self._seed_after = min(SEED_AFTER, max(AT_LEAST, OF_ALL // env.num_envs))
        self._age = np.zeros(env.num_envs, np.int64)  # steps since an environment was seeded
        self._base: State | None = None  # where the record begins, if not with seeds
        self._recording = Recording(env.num_envs, [], [])
        self._alone: dict[int, Single] = {}  # play in the place of some of `env`
        self._shortcuts: Shortcuts | None = None
        if hasattr(env, "single"):
            self._shortcuts = Shortcuts(env.single, env.num_envs, -(-self._seed_after // 4))

    def reset(self) -> NDArray[np.generic]:
        """Start an episode everywhere; returns the first frames [N, *frame]."""
        return self._seed(np.ones(self.num_envs, bool))

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """The outcome of `action` i64 [N]."""
        timestep = self._play(action)
        self._recording.actions.append(action)
        self._age += 1
        due = timestep.done & (self._age >= self._seed_after)
        for index in self._alone:  # which begins no episode by itself
            due[index] = timestep.done[index]
        if due.any():
            begun = due.reshape(-1, *[1] * (timestep.frame.ndim - 1))
            first_frame = np.where(begun, self._seed(due), timestep.first_frame)
            timestep = replace(timestep, first_frame=first_frame)
        if self._shortcuts:
            self._shortcuts.follow(self._age >= FOLLOW_AFTER * self._seed_after)
        return timestep

    def close(self) -> None:
        """Release the environments."""
        self._env.close()
        if self._shortcuts:
            self._shortcuts.close()

    def _play(self, action: NDArray[np.int64]) -> Timestep:
        """One step everywhere, by those who are where the run is."""
        timestep = self._env.step(action)
        if self._alone:
            timestep = Timestep(
                **{each.name: getattr(timestep, each.name).copy() for each in fields(timestep)}
            )
            for index, single in self._alone.items():
                outcome = single.step(int(action[index]))
                for name, value in vars(outcome).items():
                    getattr(timestep, name)[index] = value[0]
        if self._shortcuts:
            self._shortcuts.note(action, timestep, self._began)
        return timestep

    def _seed(self, which: NDArray[np.bool_]) -> NDArray[np.generic]:
        seed = int(self._rng.integers(SEEDS))
        self._recording.seed(seed, which)
        if self._recording.settles_all:
            self._base = None
        self._age[which] = 0
        return self._seeded(seed, which)

    def _seeded(self, seed: int, which: NDArray[np.bool_]) -> NDArray[np.generic]:
        frame = self._env.reset(seed, which)
        for index in np.flatnonzero(which).tolist():
            self._alone.pop(index, None)
            if self._shortcuts:
                self._shortcuts.begin(index, self._began[index])
        return frame

    @property
    def _began(self) -> list[Any]:
        return self._env.began  # type: ignore[attr-defined]

    def state_dict(self) -> State:
        """The record, and the states that shorten it."""
        own = None
        if hasattr(self._env, "state_dict") and not self._alone:  # or some of it stands still
            own = self._env.state_dict()
        shortcuts: State = {}
        if own is not None:
            self._base = own
            self._recording = Recording(self.num_envs, [], [])
        elif self._shortcuts:
            shortcuts = self._shortcuts.state_dict()
        return {
            "rng": self._rng.bit_generator.state,
            "age": self._age.copy(),
            **self._recording.state_dict(),
            "base": self._base,
            "shortcuts": shortcuts,
        }

    def load_state_dict(self, state: State) -> NDArray[np.generic]:
        """Play a record again, up to where it ends; returns the frames there [N, *frame].

        Raises:
            StateError: if it is damaged, or of other environments.
        """
        rng, age = restored_rng(part(state, "rng")), matching(state, "age", self._age)
        recording = Recording.of(state, self.num_envs, self._env.num_actions)
        # what 0.2.0 left has neither
        base = part(state, "base") if state.get("base") is not None else None
        shortcuts = {}
        if self._shortcuts and "shortcuts" in state:
            shortcuts = self._shortcuts.usable(part(state, "shortcuts"))
        if base is None and not recording.settles_all:
            raise StateError("seeding_which: must be seeds of all environments")
        if base is not None and not hasattr(self._env, "load_state_dict"):
            raise StateError("base: must be None for environments without a state")
        self._alone = {}
        frame = self._play_again(base, recording, set(shortcuts)).copy()
        for index, shortcut in shortcuts.items():
            frame[index] = self._play_alone(index, shortcut, recording)
        self._rng.bit_generator.state = rng.bit_generator.state
        self._age, self._recording, self._base = age, recording, base
        return frame

    def _play_again(
        self, base: State | None, recording: Recording, settled: set[int]
    ) -> NDArray[np.generic]:
        """Play what brings back all but those that are settled; returns the frames at its end."""
        # any seed will do: the record has one for each environment, or it plays for nobody
        any_seed = None if self._shortcuts else 0  # to seed takes an emulator long
        frame = self._env.reset(any_seed)  # type: ignore[arg-type]
        seedings, start = recording.needed(settled), 0
        if base is not None:
            self._env.load_state_dict(base)  # type: ignore[attr-defined]
            frame = matching(base, "frame", frame)
        else:
            start = min((each.step for each in seedings), default=len(recording.actions))
        last = len(recording.actions)
        lines = Every(SECONDS_BETWEEN_LINES)
        bar = progress_bar(range(start, last + 1), desc="playing again", leave=False)
        for number in bar:
            if bar.disable and lines.due():
                log.info(f"played again so far: {number - start:,} of {last - start:,} steps")
            for seeding in seedings:
                if seeding.step == number:
                    frame = self._seeded(seeding.seed, seeding.which)
            if number < last:
                self._between_steps()
                frame = self._play(recording.actions[number]).first_frame
        return frame

    def _play_alone(
        self, index: int, shortcut: Shortcut, recording: Recording
    ) -> NDArray[np.generic]:
        """From a shortcut on to the end of the record; returns the frame there [*frame]."""
        assert self._shortcuts
        if shortcut.since > len(recording.actions):
            raise StateError("shortcuts: must be in the record")
        self._alone[index] = shortcut.env
        self._shortcuts.go_on(index, shortcut.state)
        for action in recording.actions[len(recording.actions) - shortcut.since :]:
            self._between_steps()
            timestep = shortcut.env.step(int(action[index]))
            self._shortcuts.note_one(index, int(action[index]), timestep, 0)
        return shortcut.env.frame
