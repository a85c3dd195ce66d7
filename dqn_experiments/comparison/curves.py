"""Learning curves: training returns over emulator frames or wall time, mean over runs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.comparison.runs import Run
from dqn_experiments.comparison.statistics import mean_curve

POINTS = 100
"""At most, of a curve."""
FEWEST_POINTS = 10
FILLED = 0.8
"""Share of the intervals that should have an episode; they are made longer until they have."""

Floats = NDArray[np.float64]
Clock = Callable[[Run, Floats], Floats]
"""From agent steps of a run to what its curve is drawn over."""


@dataclass(frozen=True)
class Curve:
    """A mean over runs with its interval, f64 [points] each."""

    x: Floats
    """Where the intervals end that returns are means of."""
    mean: Floats
    low: Floats
    """NaN, as `high`, where fewer than two runs are."""
    high: Floats
    runs: NDArray[np.int64]
    """How many are behind a point."""


def over_frames(groups: Sequence[Sequence[Run]]) -> list[Curve | None]:
    """A curve for each group of runs of a game, all on the same grid; None for one without data."""
    return _curves(groups, lambda run, steps: steps * run.frames_per_step)


def over_hours(groups: Sequence[Sequence[Run]]) -> list[Curve | None]:
    """The same over hours of training, of the runs that tell them."""
    timed = [[run for run in runs if len(run.rates)] for runs in groups]
    return _curves(timed, lambda run, steps: run.hours(steps))


def published_curve(returns: Floats, frames: Floats, until: float) -> Curve | None:
    """The curve of published runs f64 [runs, iterations] up to some frames; None if none is."""
    shown = frames <= until
    return _mean(frames[shown], returns[:, shown]) if shown.any() else None


def _curves(groups: Sequence[Sequence[Run]], clock: Clock) -> list[Curve | None]:
    groups = [[run for run in runs if len(run.steps)] for runs in groups]
    episodes = [clock(run, run.steps) for runs in groups for run in runs]
    if not episodes:
        return [None] * len(groups)
    edges = _grid(episodes, max(_end(run, clock) for runs in groups for run in runs))
    curves: list[Curve | None] = []
    for runs in groups:
        binned = [
            on_grid(clock(run, run.steps), run.returns, edges, _end(run, clock)) for run in runs
        ]
        curves.append(_mean(edges[1:], np.stack(binned)) if binned else None)
    return curves


def _end(run: Run, clock: Clock) -> float:
    return float(clock(run, np.array([run.step], float))[0])


def _mean(x: Floats, curves: Floats) -> Curve:
    """Up to the last point that has a run."""
    some = np.flatnonzero(~np.isnan(curves).all(axis=0))
    part = slice(0, int(some[-1]) + 1 if len(some) else 0)
    return Curve(x[part], *mean_curve(curves[:, part], np.random.default_rng(0)))


def on_grid(at: Floats, returns: Floats, edges: Floats, end: float) -> Floats:
    """Means f64 [points] of the returns within each interval of a grid.

    An interval without an episode between two that have some is on the line between them. The last
    one that has some is kept until the run's `end`, as the episode after it goes on. Before a run's
    first episode and after its end there is NaN.
    """
    place = np.maximum(np.searchsorted(edges, at, side="left") - 1, 0)  # (low, high]
    count = np.bincount(place, minlength=len(edges) - 1)
    sums = np.bincount(place, weights=returns, minlength=len(edges) - 1)
    known = np.flatnonzero(count)
    points = np.arange(len(edges) - 1)
    means = np.interp(points, known, sums[known] / count[known], left=np.nan)
    return np.where((edges[:-1] < end) | (points <= known[-1]), means, np.nan)


def _grid(episodes: Sequence[Floats], end: float) -> Floats:
    """Ends f64 [points + 1] of intervals that are as short as episodes allow."""
    points = POINTS
    while True:
        width = _round_up(max(end, 1e-9) / points)
        inside = [np.ceil(at / width) for at in episodes]
        filled = [len(np.unique(place)) / max(1.0, place[-1]) for place in inside]
        if points // 2 < FEWEST_POINTS or np.median(filled) >= FILLED:
            return np.arange(max(1, math.ceil(end / width - 1e-9)) + 1) * np.float64(width)
        points //= 2


def _round_up(width: float) -> float:
    """The next of 1, 2, 2.5, 5 and their multiples of ten."""
    unit = 10.0 ** math.floor(math.log10(width))
    return next(unit * each for each in (1, 2, 2.5, 5, 10) if unit * each >= width * (1 - 1e-9))
