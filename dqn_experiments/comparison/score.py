"""What a run scored, and by which rules: two scores compare only if those are the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from dqn_experiments.config.groups import options
from dqn_experiments.config.protocol import PROTOCOL, protocol_told
from dqn_experiments.config.wording import printable
from dqn_experiments.errors import ConfigError
from dqn_experiments.reference import HUMAN_PLAY, human_normalized
from dqn_experiments.run.training_score import WINDOWS

Plain = Mapping[str, Any]
Floats = NDArray[np.float64]

LARGEST = 2.0**53
"""No step or score is; beyond it not every whole number has a float."""
LAST_EPISODES = 100
"""Of training, whose mean return stands for a score where there is no evaluation."""
HUMANS = max(HUMAN_PLAY)
"""Emulator frames of the longest human play; scores held against others say so."""


@dataclass(frozen=True)
class RunScore:
    """Mean returns of a run in the game's own points."""

    final: float
    best: float
    """The highest of all such scores that the run has."""
    normalized: float | None
    """(final - random) / (human - random), where published scores are of such episodes."""
    protocol: str
    """By which rules it was scored, in words."""
    step: int | None
    """Agent steps of training behind it; None: as many as there are."""


def run_score(
    config: Plain,
    game: str,
    steps: Floats,
    returns: Floats,
    rows: Sequence[Plain],
    evaluation: Plain | None,
) -> RunScore | None:
    """The score of a run: what its protocol says, else its last evaluation, else its training.

    Args:
        config: the run's, as of today.
        game: what is played.
        steps: f64 [episodes] after which training episodes ended.
        returns: f64 [episodes] of the same episodes.
        rows: of its metrics.
        evaluation: what evaluation.json has, which is asked only if no row has a score.
    """
    name = config.get("protocol")
    if isinstance(name, str) and name in WINDOWS:
        scored = _having(rows, "evaluation/training_return")
        return _of_training(game, scored, steps, returns, config, name)
    if scored := _having(rows, "evaluation/mean"):
        normalized = _numbers(
            [row for row in rows if "evaluation/step" in row][-1:], "evaluation/human_normalized"
        )
        told, frames = _evaluated(_part(config, "evaluation"), config), _human_frames(config)
        return _score(_numbers(scored, "evaluation/mean"), normalized, told, frames, scored)
    if evaluation and (scored := _having([evaluation], "mean")):
        normalized = _numbers(scored, "human_normalized")
        told = _evaluated(evaluation, config, evaluation.get("protocol"))
        frames = evaluation.get("max_frames")
        return _score(_numbers(scored, "mean"), normalized, told, frames, scored)
    return _of_training(game, [], steps, returns, config, None)


def _of_training(
    game: str,
    scored: Sequence[Plain],
    steps: Floats,
    returns: Floats,
    config: Plain,
    protocol: str | None,
) -> RunScore | None:
    """The mean return of the last training episodes, as a protocol counts them."""
    if not len(returns):
        return None
    window = WINDOWS.get(protocol or "")
    last = (window and window.episodes) or LAST_EPISODES
    scores = _numbers(scored, "evaluation/training_return")
    if not scores and window and window.steps:
        scores = [float(returns[steps > steps[-1] - window.steps].mean())]
    elif not scores:
        sums = np.concatenate([[0.0], np.cumsum(returns)])
        length = min(last, len(returns))
        scores = ((sums[length:] - sums[:-length]) / length).tolist()
    frames = _part(config, "env").get("max_frames")
    table = HUMAN_PLAY.get(frames) if isinstance(frames, int) else None
    normalized = human_normalized(game, scores[-1], table) if table else None
    told = _protocol(config) if protocol else f"training, last {LAST_EPISODES} episodes"
    return _score(scores, [] if normalized is None else [normalized], told, frames, scored)


def _score(
    scores: list[float],
    normalized: list[float],
    protocol: str,
    frames: object,
    scored: Sequence[Plain],
) -> RunScore:
    known = normalized[-1] if normalized else None
    played = frames if isinstance(frames, int) else None
    short = known is not None and played in HUMAN_PLAY and played != HUMANS
    humans = "; humans who played 5 minutes" if short else ""
    at = int(scored[-1]["step"]) if scored and is_number(scored[-1].get("step")) else None
    return RunScore(scores[-1], max(scores), known, printable(protocol) + humans, at)


def _evaluated(played: Plain, config: Plain, protocol: object = None) -> str:
    """How the episodes of an evaluation were played."""
    told = protocol if isinstance(protocol, str) else _protocol(config)
    epsilon = played.get("epsilon")
    frames = played.get("max_frames")
    limit = f", {frames:,} frames" if isinstance(frames, int) else ""
    return told or f"{played.get('episodes')} episodes, epsilon {epsilon}{limit}"


def _protocol(config: Plain) -> str:
    """The name of the run's protocol and what departs from it; empty if it has none."""
    if not isinstance(config.get("protocol"), str):
        return ""
    if config["protocol"] not in options(PROTOCOL):
        return str(config["protocol"])
    try:
        return protocol_told(OmegaConf.create(dict(config))) or ""
    except (ConfigError, OSError, ValueError, KeyError):  # of a package or a version not here
        return str(config["protocol"])


def _human_frames(config: Plain) -> object:
    """After how many frames an evaluation cut an episode."""
    own = _part(config, "evaluation").get("max_frames")
    return _part(config, "env").get("max_frames") if own is None else own


def _part(config: Plain, name: str) -> Plain:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def _having(rows: Sequence[Plain], key: str) -> list[Plain]:
    """The rows that have a number under a key."""
    return [row for row in rows if is_number(row.get(key))]


def _numbers(rows: Sequence[Plain], key: str) -> list[float]:
    """The numbers that rows have under a key."""
    return [float(row[key]) for row in _having(rows, key)]


def is_number(value: object) -> bool:
    """Whether a value out of a file can be a step or a score."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
