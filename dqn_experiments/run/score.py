"""How well an agent plays, in figures."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dqn_experiments.machine.files import replace_text
from dqn_experiments.reference import human_normalized


@dataclass(frozen=True)
class Score:
    """Statistics over the returns of one evaluation; std is the population's, as numpy's."""

    mean: float
    std: float
    max: float
    min: float
    median: float
    human_normalized: float | None
    """(mean - random) / (human - random); None for games without published scores."""

    @classmethod
    def of(cls, returns: Sequence[float], game: str) -> "Score":
        """The score of `returns` in `game`, which may be any name."""
        mean = statistics.fmean(returns)
        return cls(
            mean=mean,
            std=statistics.pstdev(returns),
            max=max(returns),
            min=min(returns),
            median=statistics.median(returns),
            human_normalized=human_normalized(game, mean),
        )

    def known(self) -> dict[str, float]:
        """The figures that exist, by name."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        figures = [f"{key.replace('_', '-')} {value:.4g}" for key, value in self.known().items()]
        return ", ".join(figures)


@dataclass(frozen=True)
class Evaluation:
    """An evaluation's outcome, and what it takes to repeat it."""

    step: int
    """Agent steps of training behind the agent."""
    game: str
    episodes: int
    epsilon: float
    seed: int
    returns: list[float]
    score: Score

    def metrics(self) -> dict[str, float]:
        """The score's figures under the names that trackers know them by."""
        figures = {"step": self.step, **self.score.known()}
        return {f"evaluation/{key}": value for key, value in figures.items()}

    def write(self, run_dir: Path) -> None:
        """Leave it as the run's evaluation.json."""
        content: dict[str, Any] = asdict(self)
        content = {**content.pop("score"), **content}
        replace_text(run_dir / "evaluation.json", json.dumps(content, indent=2) + "\n")
