"""Pictures of a comparison for papers and slides."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

Plain = dict[str, Any]

COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"),
    *("#56b4e9", "#7a4f9e", "#8a5a44", "#4d7c0f", "#b3003c"),
)
GREYS = ("#6b7780", "#98a3ab", "#444f57", "#b4bdc3", "#7f6f5f", "#5f6f7f")
"""As in page.js."""
DPI = 150
MOST_IN_A_LEGEND = 12
LONGEST = 110
"""Characters of a name in a legend."""
AGGREGATES = {"iqm": "IQM", "median": "Median", "mean": "Mean", "optimality_gap": "Optimality gap"}


def draw(comparison: Plain, output: Path) -> list[Path]:
    """Save curves.png, and over games aggregates.png and profile.png; returns their paths."""
    pictures = {"curves.png": _curves(comparison)}
    if comparison["aggregates"]:
        pictures["aggregates.png"] = _aggregates(comparison)
        pictures["profile.png"] = _profile(comparison)
    for name, figure in pictures.items():
        with warnings.catch_warnings(action="ignore"):  # of characters that its font has not
            # no date and no version, so that the same figures are the same bytes
            figure.savefig(output / name, dpi=DPI, metadata={"Software": None})
    return [output / name for name in pictures]


def _curves(comparison: Plain) -> Figure:
    """Learning curves, a panel for each game."""
    games = comparison["games"]
    columns = min(len(games), 2 if len(games) in (2, 4) else 3)
    rows = -(-len(games) // columns)
    figure = Figure(figsize=(4.2 * columns + 0.8, 3.1 * rows + 1.0), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    styles = _styles(comparison)
    for panel in panels.flat[len(games) :]:
        panel.set_visible(False)
    for panel, game in zip(panels.flat, games, strict=False):
        _tidy(panel)
        panel.set_title(_escaped(game["game"]), loc="left", fontsize=10, fontweight="bold")
        for curve in sorted(game["frames"], key=lambda each: styles[each["label"]]["zorder"]):
            _line(panel, curve["x"], curve, styles[curve["label"]])
        if not game["frames"]:
            panel.text(0.5, 0.5, "no episode yet", transform=panel.transAxes, ha="center")
    for panel in panels[-1]:
        panel.set_xlabel("frames")
    for panel in panels.flat:
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    for panel in panels[:, 0]:
        panel.set_ylabel("training return")
    _legend(figure, panels.flat)
    return figure


def _aggregates(comparison: Plain) -> Figure:
    """Points with intervals, a panel for each figure and a line for each group."""
    groups, styles = comparison["aggregates"]["groups"], _styles(comparison)
    figure = Figure(figsize=(11, 0.45 * len(groups) + 1.1), layout="constrained")
    panels = figure.subplots(1, len(AGGREGATES), sharey=True, squeeze=False)[0]
    for panel, (name, title) in zip(panels, AGGREGATES.items(), strict=True):
        _tidy(panel)
        panel.use_sticky_edges = False  # else the axis would cut off the lowest interval
        panel.set_title(title, loc="left", fontsize=10, fontweight="bold")
        for at, group in enumerate(groups):
            value, colour = group[name], styles[group["label"]]["color"]
            if value["low"] is not None:
                panel.barh(
                    at, value["high"] - value["low"], 0.2, value["low"], color=colour, alpha=0.4
                )
            panel.plot([value["value"]], [at], "|", color=colour, markersize=13, markeredgewidth=2)
    labels = [styles[group["label"]]["label"] for group in groups]
    panels[0].set_yticks(range(len(groups)), labels)
    panels[0].set_ylim(len(groups) - 0.5, -0.5)
    return figure


def _profile(comparison: Plain) -> Figure:
    """The share of runs above a score."""
    over, styles = comparison["aggregates"], _styles(comparison)
    figure = Figure(figsize=(7, 4), layout="constrained")
    panel = figure.subplots()
    _tidy(panel)
    for group in over["groups"]:
        profile = group["profile"]
        ends = {
            name: [point[key] for point in profile]
            for name, key in (("mean", "value"), ("low", "low"), ("high", "high"))
        }
        _line(panel, over["tau"], ends, styles[group["label"]])
    panel.set(xlabel="human-normalized score", ylabel="share of runs above", ylim=(-0.02, 1.02))
    _legend(figure, [panel])
    return figure


def _line(panel: Axes, x: list[float], curve: Plain, style: Plain) -> None:
    mean, low, high = (np.array(curve[name], float) for name in ("mean", "low", "high"))
    marker = "o" if np.isfinite(mean).sum() == 1 else None
    panel.plot(x, mean, marker=marker, **style)
    if np.isfinite(low).any():
        zorder = style["zorder"] - 0.5
        panel.fill_between(x, low, high, color=style["color"], alpha=0.16, lw=0, zorder=zorder)


def _styles(comparison: Plain) -> dict[str, Plain]:
    """How the line of each group looks."""
    styles: dict[str, Plain] = {}
    counts = {False: 0, True: 0}
    for group in comparison["groups"]:
        published = group["published"]
        colours = GREYS if published else COLOURS
        legend = group["legend"]
        styles[group["label"]] = {
            "color": colours[counts[published] % len(colours)],
            "linestyle": "--" if published else "-",
            "linewidth": 1.2 if published else 1.7,
            "zorder": 2 if published else 3,
            "label": _escaped(legend if len(legend) <= LONGEST else f"{legend[: LONGEST - 1]}…"),
        }
        counts[published] += 1
    return styles


def _legend(figure: Figure, panels: Any) -> None:
    """One for all panels, of the first groups if there are many."""
    drawn = [line for panel in panels for line in panel.get_lines()]
    lines = {line.get_label(): line for line in sorted(drawn, key=lambda line: -line.zorder)}
    if not lines:
        return
    names = list(lines)[:MOST_IN_A_LEGEND]
    more = len(lines) - len(names)
    title = f"the first of {len(lines)} groups" if more else None
    figure.legend(
        [lines[name] for name in names],
        names,
        loc="outside lower left",
        frameon=False,
        fontsize=8,
        title=title,
        ncols=max(1, 3 - max(map(len, names)) // 30),
    )


def _tidy(panel: Axes) -> None:
    panel.grid(alpha=0.25)
    panel.tick_params(labelsize=8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _escaped(text: str) -> str:
    """A name in which no dollar starts a formula."""
    return text.replace("$", r"\$")
