"""The comparison in a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Plain = dict[str, Any]


def show(comparison: Plain, console: Console | None = None) -> None:
    """Print a table of scores, of figures over games, and against the baseline, with the notes."""
    console = console or Console(highlight=False)
    console.print(_scores(comparison))
    if comparison["aggregates"]:
        console.print(_aggregates(comparison["aggregates"]))
    if comparison["baseline"]:
        console.print(_baseline(comparison["baseline"]))
    for note in comparison["notes"]:
        console.print(Text(f"- {note}", style="dim"))


def _scores(comparison: Plain) -> Table:
    """A row for each group on each game; what is the same everywhere is said once, below."""
    rows = comparison["table"]
    games = len({row["game"] for row in rows}) > 1
    said = {name: {tuple(row[name]) for row in rows if row["runs"]} for name in ("commits", "protocols")}
    table = Table(box=None, pad_edge=False, title_justify="left", caption_justify="left")
    once = [f"{name[:-1]}: {', '.join(next(iter(said[name])))}" for name in said if len(said[name]) == 1]
    table.caption = Text("; ".join(told for told in once if not told.endswith(": ")))
    columns = [*(["game"] if games else []), "group"]
    for name in columns:
        table.add_column(name, overflow="fold")
    for name in ("runs", "steps", "final", "95%", "best", "human", "hours", "steps/s"):
        table.add_column(name, justify="right")
    several = [name for name in said if len(said[name]) > 1]
    for name in several:
        table.add_column(name[:-1], overflow="fold")
    for row in sorted(rows, key=lambda row: row["game"]):
        first = [row["game"], row["label"]] if games else [row["label"]]
        if not row["runs"]:
            table.add_row(*map(Text, first), "0", Text(row["gap"], style="red"))
            continue
        cells = [
            str(row["runs"]),
            _steps(row),
            number(row["final"]["value"]),
            interval(row["final"]),
            number(row["best"]),
            number(row["human_normalized"] and row["human_normalized"]["value"]),
            number(row["hours"], 3),
            number(row["steps_per_second"], 3),
            *("; ".join(row[name]) for name in several),
        ]
        table.add_row(*map(Text, [*first, *cells]))
    return table


def _aggregates(over: Plain) -> Table:
    games = len(over["games"])
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.title = f"human-normalized, {games} games" if games > 1 else over["games"][0]
    table.add_column("group", overflow="fold")
    names = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}
    for name in names.values():
        table.add_column(name, justify="right")
    for group in over["groups"]:
        figures = [f"{number(group[name]['value'])} {interval(group[name])}" for name in names]
        table.add_row(*map(Text, [group["label"], *figures]))
    return table


def _baseline(baseline: Plain) -> Table:
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.title = Text(f"against {baseline['label']}")
    for name in ("group", "game"):
        table.add_column(name, overflow="fold")
    for name in ("difference", "95%", "probability of improvement", "95%"):
        table.add_column(name, justify="right")
    for row in baseline["rows"]:
        game = row["game"] or f"{len(row['games'])} games, IQM"
        figures = [
            cell
            for name in ("difference", "improvement")
            for cell in (number(row[name]["value"]), interval(row[name]))
        ]
        table.add_row(*map(Text, [row["label"], game, *figures]))
    return table


def _steps(row: Plain) -> str:
    low, high = row["steps"]
    told = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{told} ({row['unfinished']} not finished)" if row["unfinished"] else told


def number(value: float | None, digits: int = 4) -> str:
    """A figure as people read it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.{digits}g}"


def interval(estimate: Plain) -> str:
    """The interval of an estimate, if it has one."""
    if estimate["low"] is None:
        return ""
    return f"{number(estimate['low'])} to {number(estimate['high'])}"
