"""What a reader has to know before believing the figures."""

from collections.abc import Sequence

from dqn_experiments.comparison.aggregate import Cells, shared_games
from dqn_experiments.comparison.groups import Group

FEW_RUNS = 10
"""Fewer than these make percentile intervals much too narrow."""
COVERAGE = {3: 74, 5: 84}
"""How often in a hundred a 95% interval of so few runs of a game holds the true mean, if scores are
normal."""


def notes(
    groups: Sequence[Group],
    cells: Cells,
    whole: Sequence[str],
    games: Sequence[str],
) -> list[str]:
    """What a reader has to know before believing the figures.

    Args:
        groups: the runs.
        cells: their figures.
        whole: labels of the groups that are held against one another over games.
        games: all that any of them has played.
    """
    told = []
    protocols = {protocol for each in cells.values() for protocol in each.protocols}
    if len(protocols) > 1:
        told.append(
            f"Scores by {len(protocols)} protocols are compared here, which the legend names: "
            + "; ".join(sorted(protocols))
        )
    told += _steps_apart(cells, games)
    few = sorted({len(each.final) for each in cells.values() if len(each.final) < FEW_RUNS})
    if few:
        covered = ", ".join(f"of {runs} runs {n} times" for runs, n in COVERAGE.items())
        told.append(
            f"Some groups have only {' or '.join(map(str, few))} {'run' if few == [1] else 'runs'} "
            "on a game. A 95% interval of "
            f"so few is too narrow: {covered} in 100 it holds the true mean of normal scores; of "
            "one run there is none."
        )
    if few and few[0] < 4 and len(games) == 1:
        told.append(
            "With fewer than 4 runs of one game nothing is trimmed: their IQM is their mean."
        )
    told += _over_games(groups, cells, whole, games)
    again = [
        f"{group.label} on {game}"
        for group in groups
        for game, runs in group.runs.items()
        if len({run.seed for run in runs}) < len(runs)
    ]
    if again:
        more = f", and {len(again) - 1} more" if len(again) > 1 else ""
        told.append(f"Runs with the same seed are counted as independent: {again[0]}{more}.")
    return told


def _over_games(
    groups: Sequence[Group], cells: Cells, whole: Sequence[str], games: Sequence[str]
) -> list[str]:
    """Which games the figures over games leave out, and why; and how their runs are weighed."""
    shared = shared_games(cells, whole, games)
    lacking = [
        f"{label} lacks {', '.join(absent)}"
        for label in whole
        if (absent := [game for game in games if (label, game) not in cells])
    ]
    somewhere = {
        game
        for group in groups
        for game, runs in group.runs.items()
        if any(run.score and run.score.normalized is not None for run in runs)
    }
    for game in sorted(somewhere - set(shared)):
        without = [
            label
            for label in whole
            if (label, game) in cells and cells[label, game].normalized is None
        ]
        if without:
            lacking.append(f"{game} is not human-normalized in all runs of {', '.join(without)}")
    told = []
    if lacking and len(shared) < len(games):
        of = f"of {', '.join(shared)} alone" if shared else "missing"
        told.append(f"Figures over games are {of}: {'; '.join(lacking)}.")
    counts = [[len(cells[label, game].final) for game in shared] for label in whole]
    if any(len(set(each)) > 1 for each in counts):
        told.append(
            "A group has more runs of one game than of another, and these count for more in its "
            "IQM, which is of all runs of all games together."
        )
    return told


def _steps_apart(cells: Cells, games: Sequence[str]) -> list[str]:
    """That runs were scored after different numbers of steps, as pruned ones of a search are."""
    ours = [each for each in cells.values() if len(each.best)]  # published ones have no best
    apart = []
    for game in games:
        steps = {step for each in ours if each.game == game for step in each.steps}
        if len(steps) > 1:
            apart.append(f"{game} ({min(steps):,} to {max(steps):,})")
    return [f"Scores after different numbers of steps are compared on {', '.join(apart)}."] * bool(
        apart
    )
