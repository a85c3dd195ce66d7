"""Say which runs are better: python -m dqn_experiments.compare <run or sweep directories>.

It takes directories and flags instead of keys and values: nothing of it is configured, and shells
list directories by themselves (`outputs/breakout/*/*`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dqn_experiments.commands.told import told_in_one_line
from dqn_experiments.errors import ConfigError

EPILOG = """\
Runs are grouped by their config without the seed; a group is named by what differs. In the folder
that --output names it leaves comparison.html (one page, to be opened from disk), pictures,
table.csv, runs.csv and comparison.json. A folder that is named may hold any number of runs, at any
depth; finished or not."""


def main() -> None:
    """Entry point of `python -m dqn_experiments.compare`."""
    with told_in_one_line():
        compare(sys.argv[1:])


def compare(arguments: Sequence[str]) -> None:
    """Compare the runs that a command line names.

    Raises:
        ConfigError: if there is nothing to compare, or a part that draws is not installed.
        OSError: if the files cannot be written.
    """
    asked = _parsed(arguments)
    # numpy and all that reads runs take a moment to import, and --help needs none of it
    from dqn_experiments.comparison.summary import Question, compared
    from dqn_experiments.comparison.written import write

    _check_installed()
    comparison = compared(Question(asked.runs, asked.baseline, asked.published))
    for each in comparison["left_out"]:
        print(f"left out: {each['run']}: {each['why']}", file=sys.stderr)
    files = write(comparison, asked.output)
    if asked.json:
        print(json.dumps(comparison))
        return
    from dqn_experiments.comparison.table import show

    show(comparison)
    print(f"{files[0]}")


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dqn_experiments.compare",
        description="Say which runs are better, and whether the difference is real.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="runs or sweeps")
    parser.add_argument(
        "--output", type=Path, default=Path("comparison"), metavar="DIR", help="default: comparison"
    )
    parser.add_argument(
        "--baseline",
        metavar="GROUP",
        help="name of the group to hold the others against, or a part of it",
    )
    parser.add_argument(
        "--published",
        nargs="+",
        metavar="AGENT",
        help="Dopamine's runs to show as well: C51, DQN, DQN-Adam, IQN, QR-DQN, Rainbow, or none; "
        "default: DQN and the agents at hand",
    )
    parser.add_argument("--json", action="store_true", help="print all figures instead of a table")
    return parser.parse_intermixed_args(arguments)


def _check_installed() -> None:
    """Refuse early, in one line, what would fail after minutes of reading."""
    from importlib.util import find_spec

    for name in ("matplotlib", "plotly"):
        if find_spec(name) is None:
            raise ConfigError(f"{name} is not installed: pip install 'dqn_experiments[compare]'")
