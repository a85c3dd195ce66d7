"""The score that some protocols take from training itself instead of an evaluation."""

import logging
from dataclasses import dataclass
from pathlib import Path

from dqn_experiments.errors import ConfigError
from dqn_experiments.run.history import read_history

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """Which training episodes count: the last so many, or those of the last so many steps."""

    episodes: int | None = None
    steps: int | None = None

    def __str__(self) -> str:
        if self.episodes is not None:
            return f"the last {self.episodes:,} training episodes"
        return f"the training episodes of the last {self.steps:,} steps"


WINDOWS = {
    "dopamine": Window(steps=250_000),  # an iteration (Castro et al. 2018)
    "machado": Window(episodes=100),  # Machado et al. 2018
}
"""By protocol."""


@dataclass(frozen=True)
class TrainingScore:
    """A mean return of training, exploration and all, and of what it is."""

    mean: float
    episodes: int
    """How many there were, fewer than the window holds early in training."""
    window: str

    def __str__(self) -> str:
        return f"training return {self.mean:.6g}, the mean of {self.window} ({self.episodes})"


def training_score(run_dir: Path, protocol: str | None, step: int) -> TrainingScore | None:
    """That of a run after `step` steps; None if its protocol has none, or no episode ended."""
    window = WINDOWS.get(protocol or "")
    if window is None:
        return None
    try:
        history = read_history(run_dir, ("step", "episode_return"))
    except ConfigError as error:
        log.warning(f"{error}; the score comes without the return of training")
        return None
    ended = history["step"]
    counts = ended <= step
    if window.steps is not None:
        counts &= ended > step - window.steps
    returns = history["episode_return"][counts]
    if window.episodes is not None:
        returns = returns[-window.episodes :]
    if not len(returns):
        return None
    return TrainingScore(float(returns.mean()), len(returns), str(window))
