"""All that a comparison says, in plain values: what the table, the page and the files show."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dqn_experiments import __version__
from dqn_experiments.comparison.aggregate import SEED, Cells, against, aggregates, estimate, named
from dqn_experiments.comparison.cells import Cell, cell, published_cell
from dqn_experiments.comparison.curves import Curve, over_frames, over_hours, published_curve
from dqn_experiments.comparison.groups import Group, grouped
from dqn_experiments.comparison.notes import notes
from dqn_experiments.comparison.published import Published, chosen
from dqn_experiments.comparison.runs import Run, find_runs, read_run
from dqn_experiments.comparison.statistics import LEVEL, RESAMPLES
from dqn_experiments.config.stored_form import OPTION
from dqn_experiments.config.wording import printable
from dqn_experiments.errors import ConfigError

Plain = dict[str, Any]

DIGITS = 6
"""Of a curve's numbers, which are looked at and not computed with."""


@dataclass(frozen=True)
class Question:
    """What is to be compared."""

    folders: Sequence[Path]
    """Run directories and folders with some in them."""
    baseline: str | None = None
    """The label of a group, or a part of it that no other has."""
    published: Sequence[str] | None = None
    """Dopamine's agents; None: those that suit the runs."""


def compared(question: Question) -> Plain:
    """Read the runs and say which are better.

    Raises:
        ConfigError: if there is no run that can be read, or a baseline that is none of the groups.
    """
    runs, left_out = _read(question.folders)
    groups = grouped(runs)
    games = sorted({run.game for run in runs})
    rules = {str(_option(run, "agent")) for run in runs}
    behind = chosen(question.published, sorted(rules))
    cells = _cells(groups, behind, games)
    labels = [group.label for group in groups]
    also = [each.label for each in behind if any((each.label, game) in cells for game in games)]
    baseline = None if question.baseline is None else named(question.baseline, labels + also)
    whole = _in_all_games(cells, labels, also, games)
    names = _names(runs)
    return {
        "version": __version__,
        "interval": {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED},
        "groups": [
            *(_group(group.label, cells, games, group.differs) for group in groups),
            *(_group(label, cells, games) for label in also),
        ],
        "games": [
            _game(game, groups, [each for each in behind if (each.label, game) in cells])
            for game in games
        ],
        "table": [
            *(_row(cells[key]) for key in _in_order(cells, labels + also, games)),
            *_gaps(groups, cells),
        ],
        "aggregates": aggregates(cells, whole, games),
        "baseline": baseline and against(cells, baseline, labels + also, games),
        "notes": notes(groups, cells, whole, games),
        "runs": [
            _run(run, group.label, names[run.path])
            for group in groups
            for game in games
            for run in group.runs.get(game, [])
        ],
        "left_out": [{"run": _short_name(path), "why": printable(why)} for path, why in left_out],
    }


def _read(folders: Sequence[Path]) -> tuple[list[Run], list[tuple[Path, str]]]:
    runs, left_out = list[Run](), list[tuple[Path, str]]()
    for run_dir in find_runs(folders):
        try:
            runs.append(read_run(run_dir))
        except ConfigError as error:
            left_out.append((run_dir, str(error).replace(f"{run_dir}{os.sep}", "")))
    if not runs:
        told = ", ".join(map(str, folders))
        why = f"; {left_out[0][0]}: {left_out[0][1]}" if left_out else ""
        raise ConfigError(f"{told}: must have runs to compare, and has none{why}")
    return runs, left_out


def _cells(groups: Sequence[Group], behind: Sequence[Published], games: Sequence[str]) -> Cells:
    found: list[Cell | None] = []
    for game in games:
        own = [cell(group.label, game, group.runs.get(game, [])) for group in groups]
        furthest = max((max(each.steps) for each in own if each), default=0)
        found += [*own, *(published_cell(each, game, furthest) for each in behind)]
    return {(each.label, each.game): each for each in found if each}


def _in_order(cells: Cells, labels: Sequence[str], games: Sequence[str]) -> list[tuple[str, str]]:
    return [(label, game) for game in games for label in labels if (label, game) in cells]


def _in_all_games(
    cells: Cells,
    labels: Sequence[str],
    also: Sequence[str],
    games: Sequence[str],
) -> list[str]:
    """The groups that are held against one another over games: published ones if they have all."""
    own = [label for label in labels if any((label, game) in cells for game in games)]
    shared = [game for game in games if all((label, game) in cells for label in own)]
    return own + [label for label in also if all((label, game) in cells for game in shared)]


def _group(
    label: str,
    cells: Cells,
    games: Sequence[str],
    differs: dict[str, str] | None = None,
) -> Plain:
    """What a legend says: the protocol as well, where not all scores are by the same."""
    of_all = {protocol for each in cells.values() for protocol in each.protocols}
    own = sorted(
        {p for game in games if (label, game) in cells for p in cells[label, game].protocols}
    )
    told = f" [{' | '.join(own)}]" if len(of_all) > 1 and own else ""
    return {
        "label": label,
        "legend": label + told,
        "published": differs is None,
        "differs": differs or {},
    }


def _gaps(groups: Sequence[Group], cells: Cells) -> list[Plain]:
    """Rows for runs that have no score."""
    return [
        {
            "game": game,
            "label": group.label,
            "runs": 0,
            "gap": "; ".join(sorted({gap for run in runs for gap in run.gaps})),
        }
        for group in groups
        for game, runs in group.runs.items()
        if (group.label, game) not in cells
    ]


def _game(game: str, groups: Sequence[Group], behind: Sequence[Published]) -> Plain:
    """The curves of a game."""
    playing = [group for group in groups if game in group.runs]
    runs = [group.runs[game] for group in playing]
    frames = over_frames(runs)
    until = max((float(curve.x[-1]) for curve in frames if curve and len(curve.x)), default=0.0)
    curves = [
        _curve(group.label, curve) for group, curve in zip(playing, frames, strict=True) if curve
    ]
    for each in behind:
        returns = each.returns(game)
        curve = None if returns is None else published_curve(returns, each.frames(game), until)
        curves += [_curve(each.label, curve)] if curve else []
    hours = [
        _curve(group.label, curve)
        for group, curve in zip(playing, over_hours(runs), strict=True)
        if curve
    ]
    drawn = {curve["label"] for curve in curves}
    gaps = [group.label for group in playing if group.label not in drawn]
    frames_per_step = max(run.frames_per_step for each in runs for run in each)
    return {
        "game": game,
        "frames_per_step": frames_per_step,
        "frames": curves,
        "hours": hours,
        "without": gaps,
    }


def _curve(label: str, curve: Curve) -> Plain:
    return {
        "label": label,
        "x": _rounded(curve.x),
        "mean": _rounded(curve.mean),
        "low": _rounded(curve.low),
        "high": _rounded(curve.high),
        "runs": curve.runs.tolist(),
    }


def _rounded(values: Any) -> list[float | None]:
    return [float(f"{each:.{DIGITS}g}") if np.isfinite(each) else None for each in values]


def _row(of: Cell) -> Plain:
    normalized = None if of.normalized is None else asdict(estimate([of.normalized]))
    return {
        "game": of.game,
        "label": of.label,
        "runs": len(of.final),
        "unfinished": of.unfinished,
        "steps": [min(of.steps), max(of.steps)],
        "final": asdict(estimate([of.final])),
        "best": _mean(of.best),
        "human_normalized": normalized,
        "hours": _mean(of.hours),
        "steps_per_second": _mean(of.rates),
        "commits": list(of.commits),
        "protocols": list(of.protocols),
    }


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _run(run: Run, label: str, name: str) -> Plain:
    score, timed = run.score, len(run.rates) > 0
    return {
        "run": name,
        "label": label,
        "game": run.game,
        "seed": run.seed,
        "step": run.step,
        "total_steps": run.total_steps,
        "final": score and score.final,
        "best": score and score.best,
        "human_normalized": score and score.normalized,
        "hours": float(run.hours(np.array([run.step], float))[0]) if timed else None,
        "commit": run.commit,
        "protocol": score and score.protocol,
        "gaps": list(run.gaps),
    }


def _names(runs: Sequence[Run]) -> dict[Path, str]:
    """Paths as seen from the folder that all runs are in."""
    if len(runs) == 1:
        return {runs[0].path: printable(runs[0].path.name)}
    above = os.path.commonpath([run.path for run in runs])
    return {run.path: printable(run.path.relative_to(above).as_posix()) for run in runs}


def _short_name(path: Path) -> str:
    return printable("/".join(path.parts[-2:]))


def _option(run: Run, group: str) -> object:
    node = run.config.get(group)
    return node.get(OPTION) if isinstance(node, dict) else None
