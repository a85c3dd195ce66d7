"""Groups over several games, and against a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from dqn_experiments.comparison.cells import Cell
from dqn_experiments.comparison.statistics import (
    AGGREGATES,
    Estimate,
    Scores,
    above,
    difference,
    estimates,
    improvement,
    iqm,
    mean,
)
from dqn_experiments.errors import ConfigError

SEED = 0  # of every interval, so that the same runs have the same
HIGHEST_TAU, TAUS = 8.0, 61
RESAMPLES_OF_PROFILE = 2_000

Cells = Mapping[tuple[str, str], Cell]
"""By label and game."""
Plain = dict[str, Any]


def estimate(scores: Scores) -> Estimate:
    """Mean over games of the mean over runs, with its interval."""
    return estimates(scores, [mean], np.random.default_rng(SEED))[0]


def aggregates(cells: Cells, labels: Sequence[str], games: Sequence[str]) -> Plain | None:
    """IQM, median, mean, optimality gap and performance profile of human-normalized scores.

    Args:
        cells: all there are.
        labels: of the groups.
        games: all that any of them has played.

    Returns:
        The figures of the groups on the games that all of them have in common; None if nothing is
        human-normalized there.
    """
    shared = shared_games(cells, labels, games)
    if not shared:
        return None
    scores = {label: [_normalized(cells[label, game]) for game in shared] for label in labels}
    highest = max(float(np.max(runs)) for each in scores.values() for runs in each)
    taus = np.linspace(0, min(HIGHEST_TAU, max(1.0, float(np.ceil(highest)))), TAUS)
    groups = []
    for label in labels:
        generator = np.random.default_rng(SEED)
        found = estimates(scores[label], list(AGGREGATES.values()), generator)
        profile = estimates(
            scores[label], [above(tau) for tau in taus], generator, RESAMPLES_OF_PROFILE
        )
        figures = dict(zip(AGGREGATES, map(asdict, found), strict=True))
        runs = sum(map(len, scores[label]))
        groups.append(
            {"label": label, "runs": runs, **figures, "profile": list(map(asdict, profile))}
        )
    return {"games": shared, "tau": taus.tolist(), "groups": groups}


def shared_games(cells: Cells, labels: Sequence[str], games: Sequence[str]) -> list[str]:
    """The games that every group has human-normalized scores of."""
    return [
        game
        for game in games
        if all(
            (label, game) in cells and cells[label, game].normalized is not None for label in labels
        )
    ]


def against(cells: Cells, baseline: str, labels: Sequence[str], games: Sequence[str]) -> Plain:
    """By how much each group is better than a baseline, and how likely one of its runs is.

    The difference on one game is of means, in its own points; over several games of IQMs of
    human-normalized scores.
    """
    rows = []
    for label in labels:
        if label == baseline:
            continue
        both = [game for game in games if {(label, game), (baseline, game)} <= set(cells)]
        for game in both:
            ours, theirs = ([cells[each, game].final] for each in (label, baseline))
            rows.append({"label": label, "game": game, **_compared(ours, theirs, mean)})
        normalized = shared_games(cells, (label, baseline), both)
        if len(normalized) > 1:
            ours, theirs = (
                [_normalized(cells[each, game]) for game in normalized]
                for each in (label, baseline)
            )
            row = _compared(ours, theirs, iqm)
            rows.append({"label": label, "game": None, "games": normalized, **row})
    return {"label": baseline, "rows": rows}


def named(baseline: str, labels: Sequence[str]) -> str:
    """The group whose label is, or alone has all parts of, what was named as the baseline.

    Raises:
        ConfigError: if there is none, or more than one.
    """
    wanted = {_valued(part) for part in baseline.split(", ")}
    found = [label for label in labels if label == baseline]
    found = found or [label for label in labels if wanted <= set(map(_valued, label.split(", ")))]
    found = found or [label for label in labels if baseline.lower() in label.lower()]
    if len(found) != 1:
        told = "must name one of" if found else "must be parts of one of"
        raise ConfigError(f"--baseline {baseline}: {told} {'; '.join(found or labels)}")
    return found[0]


def _valued(part: str) -> tuple[str, float | str]:
    """A key with its value, so that 1e-3 and 0.001 are the same."""
    key, _, value = part.strip().partition("=")
    try:
        return key, float(value)
    except ValueError:
        return key, value


def _compared(ours: Scores, theirs: Scores, statistic: Any) -> Plain:
    generator = np.random.default_rng(SEED)
    return {
        "difference": asdict(difference(ours, theirs, statistic, generator)),
        "improvement": asdict(improvement(ours, theirs, generator)),
    }


def _normalized(cell: Cell) -> Any:
    assert cell.normalized is not None
    return cell.normalized
