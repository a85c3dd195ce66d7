"""What a reader has to know before believing the figures."""

from collections.abc import Sequence

from dqn_experiments.comparison.aggregate import Cells
from dqn_experiments.comparison.groups import Group

FEW_RUNS = 10
"""Fewer than these make percentile intervals much too narrow."""
COVERAGE = {3: 74, 5: 84}
"""How often in a hundred a 95% interval of so few runs of a game holds the true mean, if scores are
normal."""


def notes(
    groups: Sequence[Group],
    cells: Cells,
    labels: Sequence[str],
    whole: Sequence[str],
    games: Sequence[str],
) -> list[str]:
    """What a reader has to know before believing the figures."""
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
    shared = [game for game in games if all((label, game) in cells for label in whole)]
    if len(games) > 1 and not shared:
        told.append("No game was played by all groups, so there are no figures over games.")
    elif len(shared) < len(games):
        lacking = "; ".join(
            f"{label} lacks {', '.join(game for game in games if (label, game) not in cells)}"
            for label in labels
            if not all((label, game) in cells for game in games)
        )
        told.append(f"Figures over games are of {', '.join(shared)} alone: {lacking}.")
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
