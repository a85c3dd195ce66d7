"""See how a sweep is doing: python -m dqn_experiments.sweep status <directory>."""

from argparse import ArgumentParser
from pathlib import Path

from dqn_experiments.commands.told import told_in_one_line


def main() -> None:
    """Entry point of `python -m dqn_experiments.sweep`.

    Exit codes: 0, or 2 where there is no sweep.
    """
    parser = ArgumentParser("python -m dqn_experiments.sweep", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="status")
    status = commands.add_parser(
        "status", help="what became of every job so far", description=STATUS
    )
    status.add_argument("directory", type=Path, help="the directory of a sweep, hydra.sweep.dir")
    chosen = parser.parse_args()
    with told_in_one_line():
        # torch takes seconds to import, and --help needs none of it
        from dqn_experiments.ledger.plan import read_plan
        from dqn_experiments.ledger.rows import rows_of_sweep
        from dqn_experiments.ledger.table import show

        rows = rows_of_sweep(chosen.directory)
        show(rows, read_plan(chosen.directory).minimized)


STATUS = """The jobs of a sweep, from any terminal of any machine that sees its directory:
finished, running, paused, killed (both go on with the same command), pruned by a search, failed,
waiting. Nothing is changed there."""
