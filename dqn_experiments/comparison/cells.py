"""The runs of one group on one game, in the figures that a table has of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.comparison.published import PROTOCOL, Published
from dqn_experiments.comparison.runs import Run
from dqn_experiments.reference import human_normalized

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """Runs of a group on a game; those without a score are not among them."""

    label: str
    game: str
    final: Floats
    """f64 [runs], in the game's own points."""
    best: Floats
    """f64 [runs]; empty for published runs, which have no order over time."""
    normalized: Floats | None
    """f64 [runs]; None if one of them has no human-normalized score."""
    protocols: tuple[str, ...]
    """Of all the runs; more than one means that they should not be held against one another."""
    steps: tuple[int, ...]
    """Agent steps behind each score."""
    unfinished: int
    """How many runs have not come to their end."""
    hours: Floats
    """Of training, f64; of the runs that tell them."""
    rates: Floats
    """Steps per second, f64; of the same runs."""
    commits: tuple[str, ...]
    seeds: tuple[int, ...]


def cell(label: str, game: str, runs: Sequence[Run]) -> Cell | None:
    """The figures of runs; None if none of them has a score."""
    scored = [(run, run.score) for run in runs if run.score]
    if not scored:
        return None
    normalized = [score.normalized for _, score in scored]
    timed = [run for run, _ in scored if len(run.rates)]
    steps = np.array([run.step for run in timed], float)
    hours = np.array([run.hours(np.array([run.step], float))[0] for run in timed])
    return Cell(
        label=label,
        game=game,
        final=np.array([score.final for _, score in scored]),
        best=np.array([score.best for _, score in scored]),
        normalized=None if None in normalized else np.array(normalized, float),
        protocols=tuple(sorted({score.protocol for _, score in scored})),
        steps=tuple(run.step if score.step is None else score.step for run, score in scored),
        unfinished=sum(run.step < (run.total_steps or 0) for run, _ in scored),
        hours=hours,
        rates=steps / (hours * 3600),
        commits=tuple(sorted({run.commit for run, _ in scored if run.commit})),
        seeds=tuple(run.seed for run, _ in scored),
    )


def published_cell(published: Published, game: str, step: int) -> Cell | None:
    """The figures of published runs after as many steps; None if there is no iteration by then."""
    found = published.scores(game, step)
    if found is None:
        return None
    final, at = found
    normalized = [human_normalized(game, score, "wang_2016") for score in final]
    nothing = np.zeros(0)
    return Cell(
        label=published.label,
        game=game,
        final=final,
        best=nothing,
        normalized=None if None in normalized else np.array(normalized, float),
        protocols=(PROTOCOL,),
        steps=(at,) * len(final),
        unfinished=0,
        hours=nothing,
        rates=nothing,
        commits=(),
        seeds=(),
    )
