"""Environments that can be brought back to where they were, though they cannot save their state."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.experience.contract import Env
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.machine.progress_bar import progress_bar
from dqn_experiments.state import State, matching, part, restored_rng, rows

SEED_AFTER = 10_000
"""Steps after which the end of an episode is followed by a seed. It takes ALE about 60 ms to be
seeded, so it is not done every time, and 5 s to repeat 10,000 steps, so it is done now and then."""
OF_ALL = 60_000
"""The same for all environments together: many of them are seeded more often."""
SEEDS = 2**30  # emulators take 31 bits, and neighbouring environments get neighbouring seeds


class Seeding(NamedTuple):
    """Environments that started an episode from a seed."""

    step: int
    """Actions recorded before it."""
    seed: int
    which: NDArray[np.bool_]


class RecordedEnv:
    """Plays `env` and keeps a record of its seeds and of the actions since.

    The record is its state; to load one is to play it again, `between_steps` being called before
    every step: what it raises ends the playing. Now and then an environment's next episode starts
    from a new seed, so that the record stays short. No episode is cut off for that, and whether or
    when a run is saved makes no difference to what it plays.
    """

    def __init__(
        self, env: Env, rng: np.random.Generator, between_steps: Callable[[], None] = lambda: None
    ) -> None:
        self._env, self._rng, self._between_steps = env, rng, between_steps
        self.num_envs, self.frame_skip = env.num_envs, env.frame_skip
        self._seed_after = min(SEED_AFTER, OF_ALL // env.num_envs)
        self._age = np.zeros(env.num_envs, np.int64)  # steps since an environment was seeded
        self._seedings: list[Seeding] = []
        self._actions: list[NDArray[np.int64]] = []

    def reset(self) -> NDArray[np.generic]:
        """Start an episode everywhere; returns the first frames [N, *frame]."""
        return self._seed(np.ones(self._env.num_envs, bool))

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """The outcome of `action` i64 [N]."""
        timestep = self._env.step(action)
        self._actions.append(action)
        self._age += 1
        due = timestep.done & (self._age >= self._seed_after)
        if due.any():
            timestep = replace(timestep, first_frame=self._seed(due))
        return timestep

    def close(self) -> None:
        """Release the environments."""
        self._env.close()

    def _seed(self, which: NDArray[np.bool_]) -> NDArray[np.generic]:
        seeding = Seeding(len(self._actions), int(self._rng.integers(SEEDS)), which)
        self._seedings.append(seeding)
        self._age[which] = 0
        self._forget()
        return self._env.reset(seeding.seed, which)

    def _forget(self) -> None:
        """Drop what came before the oldest seeding that still counts."""
        seeded_later = np.zeros(self._env.num_envs, bool)
        kept = []
        for seeding in reversed(self._seedings):
            if (seeding.which & ~seeded_later).any():
                kept.append(seeding)
            seeded_later |= seeding.which
        start = kept[-1].step
        del self._actions[:start]
        self._seedings = [each._replace(step=each.step - start) for each in reversed(kept)]

    def state_dict(self) -> State:
        """The record."""
        steps, seeds, which = zip(*self._seedings, strict=True)
        return {
            "rng": self._rng.bit_generator.state,
            "age": self._age.copy(),
            "seeding_step": np.array(steps, np.int64),
            "seeding_seed": np.array(seeds, np.int64),
            "seeding_which": np.stack(which),
            "actions": np.array(self._actions, np.int64).reshape(-1, self._env.num_envs),
        }

    def load_state_dict(self, state: State) -> NDArray[np.generic]:
        """Play a record again, up to where it ends; returns the frames there [N, *frame].

        Raises:
            StateError: if it is damaged, or of other environments.
        """
        rng, age = restored_rng(part(state, "rng")), matching(state, "age", self._age)
        actions, seedings = self._checked(state)
        frame = self._env.reset(0)  # any seed will do: the record has one for each environment
        for number in progress_bar(range(len(actions) + 1), desc="playing again", leave=False):
            for seeding in seedings:
                if seeding.step == number:
                    frame = self._env.reset(seeding.seed, seeding.which)
            if number < len(actions):
                self._between_steps()
                frame = self._env.step(actions[number]).first_frame
        self._rng.bit_generator.state = rng.bit_generator.state
        self._age, self._actions, self._seedings = age, list(actions), seedings
        return frame

    def _checked(self, state: State) -> tuple[NDArray[np.int64], list[Seeding]]:
        """The actions [T, N] and seedings of a record; raises StateError."""
        each = np.zeros(self._env.num_envs, np.int64)
        actions = rows(state, "actions", each)
        steps, seeds = rows(state, "seeding_step", each[0]), rows(state, "seeding_seed", each[0])
        which = rows(state, "seeding_which", each.astype(bool))
        ranges = ((actions, self._env.num_actions), (steps, len(actions) + 1), (seeds, SEEDS))
        if not (
            len(steps) == len(seeds) == len(which)
            and all(((array >= 0) & (array < end)).all() for array, end in ranges)
            and which.any(axis=0).all()
        ):
            raise StateError("actions: must be a record of seeds and what was done since")
        return actions, list(map(Seeding, steps.tolist(), seeds.tolist(), which))
