"""The comparison in a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Plain = dict[str, Any]

WIDTH = 120
"""Where there is no terminal."""


def show(comparison: Plain, console: Console | None = None) -> None:
    """Print the names of the groups, their scores, figures over games, and the notes."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    marks = {group["label"]: _mark(at) for at, group in enumerate(comparison["groups"])}
    for group in comparison["groups"]:
        console.print(Text(f"{marks[group['label']]}  {group['legend']}", style="bold"))
    console.print()
    console.print(_scores(comparison, marks))
    for table in (_aggregates(comparison["aggregates"], marks), _baseline(comparison, marks)):
        if table:
            console.print()
            console.print(table)
    console.print()
    for note in comparison["notes"]:
        console.print(Text(f"- {note}"))


def _mark(number: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    letters = ""
    while number >= 0:
        number, letter = divmod(number, 26)
        letters, number = chr(ord("A") + letter) + letters, number - 1
    return letters


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, title=Text(title, style="bold"), title_justify="left")
    for name in columns:
        is_text, is_wide = name in ("", "game"), "95%" in name
        justify: Any = "left" if is_text else "right"
        table.add_column(name, justify=justify, no_wrap=not is_wide, min_width=2 if is_text else 4)
    return table


def _scores(comparison: Plain, marks: Plain) -> Table:
    """A row for each group on each game."""
    columns = ("game", "", "runs", "steps", "final, 95%", "best", "human", "hours", "steps/s")
    unfinished = any(row["runs"] and row["unfinished"] for row in comparison["table"])
    table = _table("Scores (*: not all runs are finished)" if unfinished else "Scores", *columns)
    rows = sorted(comparison["table"], key=lambda row: row["game"])
    for before, row in zip([None, *rows], rows, strict=False):
        game = "" if before and before["game"] == row["game"] else row["game"]
        if not row["runs"]:
            table.add_row(*map(Text, (game, marks[row["label"]], "0", "", "no score")))
            continue
        cells = (
            str(row["runs"]),
            _steps(row),
            told(row["final"]),
            number(row["best"]),
            number(row["human_normalized"] and row["human_normalized"]["value"]),
            number(row["hours"], 3),
            number(row["steps_per_second"], 3),
        )
        table.add_row(*map(Text, (game, marks[row["label"]], *cells)))
    return table


def _aggregates(over: Plain | None, marks: Plain) -> Table | None:
    if over is None:
        return None
    names = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}
    several = len(over["games"]) > 1
    where = f"over {len(over['games'])} games" if several else f"on {over['games'][0]}"
    columns = [f"{title}, 95%" for title in names.values()]
    table = _table(f"Human-normalized {where}", "", *columns)
    for group in over["groups"]:
        table.add_row(*map(Text, (marks[group["label"]], *(told(group[name]) for name in names))))
    return table


def _baseline(comparison: Plain, marks: Plain) -> Table | None:
    baseline = comparison["baseline"]
    if baseline is None:
        return None
    title = f"Against {marks[baseline['label']]}, {baseline['label']}"
    table = _table(title, "", "game", "difference, 95%", "P(better), 95%")
    for row in baseline["rows"]:
        game = row["game"] or f"{len(row['games'])} games, IQM"
        figures = told(row["difference"]), told(row["improvement"])
        table.add_row(*map(Text, (marks[row["label"]], game, *figures)))
    return table


def _steps(row: Plain) -> str:
    low, high = (_short(step) for step in row["steps"])
    span = low if low == high else f"{low}-{high}"
    return f"{span}*" if row["unfinished"] else span


def _short(step: int) -> str:
    """Steps as a person says them: 4k, 2.5M."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if step >= unit:
            return f"{step / unit:.3g}{letter}"
    return str(step)


def number(value: float | None, digits: int = 4) -> str:
    """A figure as people read it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.{digits}g}"


def told(estimate: Plain) -> str:
    """An estimate with its interval, if it has one."""
    value = number(estimate["value"])
    if estimate["low"] is None:
        return value
    return f"{value} ({number(estimate['low'], 3)} to {number(estimate['high'], 3)})"
