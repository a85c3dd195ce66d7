"""How well an agent plays, in figures."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.machine.files import replace_text
from dqn_experiments.reference import HUMAN_PLAY, human_normalized
from dqn_experiments.run.files import EVALUATION
from dqn_experiments.run.training_score import TrainingScore

NORMALIZED = "evaluation/human_normalized"
"""The figure that not every evaluation of a run has."""


@dataclass(frozen=True)
class Score:
    """Statistics over the returns of one evaluation; std is the population's, as numpy's."""

    mean: float
    std: float
    max: float
    min: float
    median: float
    human_normalized: float | None
    """(mean - random) / (human - random); None without published scores to compare with."""
    human_table: str | None
    """Whose scores those are, by their file in `dqn_experiments.reference`."""
    episode_length: float
    """Mean agent steps of an episode."""
    cut: int
    """Episodes that a limit ended rather than the game."""

    @classmethod
    def of(
        cls, played: Sequence[PlayedEpisode], game: str, frame_skip: int, max_frames: int
    ) -> "Score":
        """The score of episodes.

        Args:
            played: one or more.
            game: which may be any name.
            frame_skip: emulator frames per step.
            max_frames: emulator frames after which they would have been cut.
        """
        returns = [episode.episode_return for episode in played]
        mean = statistics.fmean(returns)
        table = _human_table(played, frame_skip, max_frames)
        normalized = None if table is None else human_normalized(game, mean, table)
        return cls(
            mean=mean,
            std=statistics.pstdev(returns),
            max=max(returns),
            min=min(returns),
            median=statistics.median(returns),
            human_normalized=normalized,
            human_table=None if normalized is None else table,
            episode_length=statistics.fmean(episode.length for episode in played),
            cut=sum(episode.cut for episode in played),
        )

    def known(self) -> dict[str, float]:
        """The figures that exist, by name."""
        return {key: value for key, value in asdict(self).items() if isinstance(value, int | float)}

    def __str__(self) -> str:
        names = ("mean", "std", "max", "min", "median")
        told = [f"{name} {_short(getattr(self, name))}" for name in names]
        if self.human_normalized is not None:
            told.append(f"human-normalized {self.human_normalized:.4g} ({self.human_table})")
        told.append(f"{_short(self.episode_length)} steps an episode, {self.cut or 'none'} cut")
        return ", ".join(told)


def _short(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _human_table(played: Sequence[PlayedEpisode], frame_skip: int, max_frames: int) -> str | None:
    """The human scores that these episodes compare with, as they were as long as the humans'.

    With the limit of one of the tables that one; else the one of the longest play, which holds for
    episodes that ended by themselves before.
    """
    frames = max_frames if max_frames in HUMAN_PLAY else max(HUMAN_PLAY)
    for episode in played:
        cut_before = episode.cut and episode.length * frame_skip < frames
        longer = (episode.length - 1) * frame_skip >= frames
        if cut_before or longer:
            return None
    return HUMAN_PLAY[frames]


@dataclass(frozen=True)
class Evaluation:
    """An evaluation's outcome, and what it takes to repeat it."""

    step: int
    """Agent steps of training behind the agent."""
    game: str
    episodes: int
    epsilon: float
    seed: int
    max_frames: int
    """Emulator frames after which an episode was cut."""
    returns: list[float]
    lengths: list[int]
    """Agent steps of the same episodes."""
    score: Score
    protocol: str | None = None
    """By which rules it was played, and in what it departs from them."""
    training: TrainingScore | None = None
    """What the run is scored by if that is not the evaluation."""

    def metrics(self) -> dict[str, float]:
        """The score's figures under the names that trackers know them by."""
        figures = {"step": self.step, **self.score.known()}
        if self.training:
            figures["training_return"] = self.training.mean
            figures["training_episodes"] = self.training.episodes
        return {f"evaluation/{key}": value for key, value in figures.items()}

    def summary(self) -> dict[str, Any]:
        """The same for the run as a whole, with what the figures are of."""
        told = {
            "evaluation/protocol": self.protocol,
            "evaluation/training_window": self.training and self.training.window,
        }
        return {**summary(self.metrics()), **{key: told[key] for key in told if told[key]}}

    def __str__(self) -> str:
        episodes = "1 episode" if self.episodes == 1 else f"{self.episodes} episodes"
        played = f"{self.game}, {self.step:,} steps, {episodes} at epsilon {self.epsilon}"
        limit = f" at {self.max_frames:,} frames" if self.score.cut else ""
        return f"{played}: {self.score}{limit}{self.by_protocol}"

    @property
    def by_protocol(self) -> str:
        """What a protocol makes of it, to be told after the score."""
        training = f"; {self.training}" if self.training else ""
        return f"; protocol {self.protocol}{training}" if self.protocol else ""

    def write(self, run_dir: Path) -> None:
        """Leave it as the run's evaluation.json."""
        content: dict[str, Any] = asdict(self)
        content = {**content.pop("score"), **content}
        replace_text(run_dir / EVALUATION, json.dumps(content, indent=2) + "\n")


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """An evaluation's figures, out of its metrics, to take the place of an earlier one's.

    What only the earlier one may have had is None.
    """
    figures = {key: value for key, value in row.items() if key.startswith("evaluation/")}
    return {NORMALIZED: None, **figures}
