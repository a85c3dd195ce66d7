"""A sweep as a table, on a terminal or in a log."""

import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dqn_experiments.config.wording import printable
from dqn_experiments.ledger.rows import Group, Row, best, counted, failed, groups

STYLES = {"finished": "green", "running": "cyan", "failed": "red", "killed": "yellow"}
UNLIMITED = 10_000  # characters of a line that no terminal folds


def show(rows: Sequence[Row], minimized: bool = False, file: TextIO | None = None) -> None:
    """Print every job, the spread over seeds, the best, which failed and why, and a count.

    The best has the highest mean, or the lowest if scores are `minimized`.
    """
    console = Console(file=file or sys.stdout, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = UNLIMITED
    console.print(_jobs(rows))
    of_several = [group for group in groups(rows) if len(group.scores) > 1]
    if of_several:
        console.print(Text("\nover seeds"))
        console.print(_over_seeds(of_several))
    leader = best(rows, minimized)
    if leader:
        of = f" over {len(leader.scores)} seeds" if len(leader.scores) > 1 else ""
        by = f" by {_written(leader.differs)}" if leader.differs else ""
        console.print()
        console.print(_text(f"best: {_figure(leader.mean)}{of}{by}"))
    for row in failed(rows):
        console.print(_text(f"failed: {row.job}: {row.status.reason}"))
    console.print(_text(counted(rows)))


def _jobs(rows: Sequence[Row]) -> Table:
    table = _table("job", "what differs", "status", "step", "score", figures=2)
    for row in rows:
        status = row.status
        table.add_row(
            _text(row.job),
            _text(_written(row.differs)),
            Text(status.name, STYLES.get(status.name, "")),
            f"{status.step:,}",
            _figure(status.score),
        )
    return table


def _over_seeds(of_several: Sequence[Group]) -> Table:
    table = _table("what differs", "seeds", "mean", "std", figures=3)
    for group in of_several:
        figures = _figure(group.mean), _figure(group.std)
        table.add_row(_text(_written(group.differs)), str(len(group.scores)), *figures)
    return table


def _table(*names: str, figures: int) -> Table:
    """With so many columns of figures at its right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(names, start=1):
        is_figure = number > len(names) - figures
        table.add_column(name, justify="right" if is_figure else "left", overflow="fold")
    return table


def _written(differs: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    pairs = differs.items() if isinstance(differs, Mapping) else differs
    return " ".join(f"{key}={value}" if value else key for key, value in pairs) or "-"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _text(text: str) -> Text:
    return Text(printable(text), overflow="fold")  # as names may be anybody's
