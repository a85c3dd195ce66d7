"""What was done in N environments, by which they can be brought to where they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.state import State, rows

SEEDS = 2**30  # emulators take 31 bits, and neighbouring environments get neighbouring seeds


class Seeding(NamedTuple):
    """Environments that started an episode from a seed."""

    step: int
    """Actions recorded before it."""
    seed: int
    which: NDArray[np.bool_]


class Recording:
    """Seeds and actions since the oldest of them that counts.

    Args:
        num_envs: N.
        seedings: in the order in which they were.
        actions: i64 [N] each.
    """

    def __init__(
        self, num_envs: int, seedings: list[Seeding], actions: list[NDArray[np.int64]]
    ) -> None:
        self.num_envs, self.seedings, self.actions = num_envs, seedings, actions

    def seed(self, seed: int, which: NDArray[np.bool_]) -> None:
        """Those of a mask [N] are seeded now; what no longer counts is dropped."""
        self.seedings.append(Seeding(len(self.actions), seed, which))
        self.seedings = self.needed(set())
        start = self.seedings[0].step if self.settles_all else 0
        del self.actions[:start]
        self.seedings = [each._replace(step=each.step - start) for each in self.seedings]

    @property
    def settles_all(self) -> bool:
        """Whether every environment has been seeded."""
        return bool(np.any([each.which for each in self.seedings], axis=0).all())

    def needed(self, settled: set[int]) -> list[Seeding]:
        """Seedings that no later one made void, of environments that are not settled."""
        kept, settled = list[Seeding](), set(settled)
        for each in reversed(self.seedings):
            seeded = set(np.flatnonzero(each.which).tolist())
            if seeded - settled:
                kept.insert(0, each)
            settled |= seeded
        return kept

    def state_dict(self) -> State:
        """It all, as arrays."""
        which = [each.which for each in self.seedings]
        return {
            "seeding_step": np.array([each.step for each in self.seedings], np.int64),
            "seeding_seed": np.array([each.seed for each in self.seedings], np.int64),
            "seeding_which": np.array(which, bool).reshape(-1, self.num_envs),
            "actions": np.array(self.actions, np.int64).reshape(-1, self.num_envs),
        }

    @classmethod
    def of(cls, state: State, num_envs: int, num_actions: int) -> "Recording":
        """What `state_dict` gave; raises StateError if it is not that."""
        each = np.zeros(num_envs, np.int64)
        actions = rows(state, "actions", each)
        steps, seeds = rows(state, "seeding_step", each[0]), rows(state, "seeding_seed", each[0])
        which = rows(state, "seeding_which", each.astype(bool))
        ranges = ((actions, num_actions), (steps, len(actions) + 1), (seeds, SEEDS))
        if not (
            len(steps) == len(seeds) == len(which)
            and all(((array >= 0) & (array < end)).all() for array, end in ranges)
        ):
            raise StateError("actions: must be a record of seeds and what was done since")
        seedings = list(map(Seeding, steps.tolist(), seeds.tolist(), which))
        return cls(num_envs, seedings, list(actions))
