"""Dopamine's published runs as a group to compare with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import ConfigError
from dqn_experiments.reference import STEPS_PER_ITERATION, published_agents, published_runs

FRAMES_PER_STEP = 4
PROTOCOL = "dopamine"
AGENTS = {"dqn": "DQN", "c51": "C51", "qr_dqn": "QR-DQN", "iqn": "IQN"}
"""The published agent of a learning rule."""
NONE = "none"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """Five runs of an agent of Castro et al. 2018."""

    agent: str

    @property
    def label(self) -> str:
        """What a legend calls them."""
        return f"Dopamine {self.agent} (2018)"

    def returns(self, game: str) -> Floats | None:
        """Mean training returns f64 [runs, iterations]; None if the game was not played."""
        return published_runs(game, self.agent)

    def frames(self, game: str) -> Floats:
        """Emulator frames f64 [iterations] at the end of each iteration."""
        returns = self.returns(game)
        iterations = 0 if returns is None else returns.shape[1]
        return np.arange(1.0, iterations + 1) * STEPS_PER_ITERATION * FRAMES_PER_STEP

    def scores(self, game: str, step: int) -> tuple[Floats, int] | None:
        """Returns f64 [runs] of the last iteration that ends by `step`, and where it ends."""
        returns, iterations = self.returns(game), step // STEPS_PER_ITERATION
        if returns is None or not iterations:
            return None
        last = min(iterations, returns.shape[1])
        return returns[:, last - 1], last * STEPS_PER_ITERATION


def chosen(names: Sequence[str] | None, rules: Iterable[str]) -> list[Published]:
    """The published agents that were asked for.

    Args:
        names: such as `DQN`, or `none` alone; None: DQN and those of the learning `rules` at hand.
        rules: the agents' options.

    Raises:
        ConfigError: if there is none of that name.
    """
    known = published_agents()
    if names is None:
        names = ["DQN", *(AGENTS[rule] for rule in rules if rule in AGENTS)]
    if list(names) == [NONE]:
        return []
    for name in names:
        if name not in known:
            raise ConfigError(f"--published {name}: must be {NONE}, or of {', '.join(known)}")
    return [Published(agent) for agent in sorted(set(names))]
