"""Statistics over runs of several games, after Agarwal et al. 2021.

"Deep reinforcement learning at the edge of the statistical precipice"
(https://arxiv.org/abs/2108.13264). They give what its library rliable 1.2.0 gives, for numbers of
runs that may differ from game to game and for a generator that is said.

Scores are a list with an array f64 [runs] for every game. Intervals are percentile bootstraps,
stratified: runs are drawn again, with replacement, within their game, and the games stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scores = Sequence[Floats]
Statistic = Callable[[Scores], Floats]
"""Of scores [..., runs] per game to values [...]: one of all runs, or one per resample."""

LEVEL = 0.95
RESAMPLES = 10_000
AT_ONCE = 2_000_000
"""Numbers of resamples that are held at a time, so that memory stays small."""


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its interval; these are None where nothing could be drawn again."""

    value: float
    low: float | None = None
    high: float | None = None


def iqm(scores: Scores) -> Floats:
    """Interquartile mean: of all runs of all games, without the lowest and the highest quarter."""
    runs = np.sort(np.concatenate(scores, axis=-1), axis=-1)
    cut = runs.shape[-1] // 4
    return runs[..., cut : runs.shape[-1] - cut].mean(axis=-1)


def mean(scores: Scores) -> Floats:
    """Mean over games of the mean over runs."""
    return _per_game(scores).mean(axis=-1)


def median(scores: Scores) -> Floats:
    """Median over games of the mean over runs."""
    return np.median(_per_game(scores), axis=-1)


def optimality_gap(scores: Scores) -> Floats:
    """By how much runs miss a score of 1, mean over games; what is above 1 counts as 1."""
    return 1 - _per_game([np.minimum(game, 1) for game in scores]).mean(axis=-1)


def _per_game(scores: Scores) -> Floats:
    return np.stack([game.mean(axis=-1) for game in scores], axis=-1)


AGGREGATES: dict[str, Statistic] = {
    "iqm": iqm,
    "median": median,
    "mean": mean,
    "optimality_gap": optimality_gap,
}


def above(tau: float) -> Statistic:
    """The share of runs with a score above `tau`, mean over games: a point of the profile."""
    return lambda scores: _per_game([(game > tau).astype(float) for game in scores]).mean(axis=-1)


def estimates(
    scores: Scores,
    statistics: Sequence[Statistic],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> list[Estimate]:
    """Statistics of all runs with their intervals, all from the same resamples."""
    if all(len(game) == 1 for game in scores):
        return [Estimate(float(statistic(scores))) for statistic in statistics]
    at_once = max(1, AT_ONCE // sum(map(len, scores)))
    drawn = []
    for start in range(0, resamples, at_once):
        again = _resampled(scores, min(at_once, resamples - start), generator)
        drawn.append([statistic(again) for statistic in statistics])
    values = np.concatenate(drawn, axis=-1)
    return [
        _estimate(float(statistic(scores)), row)
        for statistic, row in zip(statistics, values, strict=True)
    ]


def difference(
    scores: Scores,
    baseline: Scores,
    statistic: Statistic,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """By how much a statistic is above that of a baseline; both sides are drawn again."""
    value = float(statistic(scores) - statistic(baseline))
    if all(len(game) == 1 for game in [*scores, *baseline]):
        return Estimate(value)
    ours = statistic(_resampled(scores, resamples, generator))
    return _estimate(value, ours - statistic(_resampled(baseline, resamples, generator)))


def improvement(
    scores: Scores,
    baseline: Scores,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The probability that a run is better than one of a baseline on a game, mean over games.

    On a game that is U / (n m), of Mann and Whitney's U: the share of pairs that are won, where
    ties count half. `scores` and `baseline` have the same games.
    """
    games = list(zip(scores, baseline, strict=True))
    won = [np.heaviside(ours[:, None] - theirs, 0.5) for ours, theirs in games]
    value = float(np.mean([pairs.mean() for pairs in won]))
    if all(pairs.size == 1 for pairs in won):
        return Estimate(value)
    drawn = np.zeros(resamples)
    for pairs in won:
        ours, theirs = (_shares(runs, resamples, generator) for runs in pairs.shape)
        drawn += ((ours @ pairs) * theirs).sum(axis=1) / len(won)
    return _estimate(value, drawn)


def mean_curve(
    curves: Floats, generator: np.random.Generator, resamples: int = 2_000
) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """The mean of learning curves at each point, with its interval.

    Args:
        curves: f64 [runs, points]; NaN where a run has nothing.
        generator: what is drawn from.
        resamples: how often.

    Returns:
        Mean, low and high end f64 [points] and how many runs are behind them i64 [points]. The
        mean is NaN where there is no run, the ends where there are fewer than two.
    """
    there = ~np.isnan(curves)
    count = there.sum(axis=0)
    mean, low, high = np.full((3, curves.shape[1]), np.nan)
    for pattern in np.unique(there, axis=1).T:
        runs = int(pattern.sum())
        points = (there == pattern[:, None]).all(axis=0)
        if runs:
            part = curves[np.ix_(pattern, points)]
            mean[points] = part.mean(axis=0)
        if runs > 1:
            low[points], high[points] = _ends(_shares(runs, resamples, generator) @ part)
    return mean, low, high, count


def _resampled(scores: Scores, resamples: int, generator: np.random.Generator) -> list[Floats]:
    """Runs drawn again within their game, f64 [resamples, runs] each."""
    return [game[generator.integers(len(game), size=(resamples, len(game)))] for game in scores]


def _shares(runs: int, resamples: int, generator: np.random.Generator) -> Floats:
    """How much of a resample each run is, f64 [resamples, runs]."""
    return generator.multinomial(runs, np.full(runs, 1 / runs), size=resamples) / runs


def _estimate(value: float, drawn: Floats) -> Estimate:
    low, high = _ends(drawn)
    return Estimate(value, float(low), float(high))


def _ends(drawn: Floats) -> Floats:
    """The ends of the interval that holds the middle of what was drawn, over the first axis."""
    return np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
