"""See how a sweep is doing: python -m dqn_experiments.sweep status <directory>."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from dqn_experiments.commands.one_line import one_line
from dqn_experiments.errors import ConfigError


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
    # torch takes seconds to import, and --help needs none of it
    from dqn_experiments.ledger.rows import rows_of_sweep
    from dqn_experiments.ledger.table import show

    try:
        show(rows_of_sweep(chosen.directory))
    except ConfigError as error:
        sys.exit(_told(one_line(error)))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)
    except OSError as error:
        sys.exit(_told(f"{error.filename}: cannot be read ({error.strerror})"))


STATUS = """The jobs of a sweep, from any terminal of any machine that sees its directory:
finished, running, paused, killed (both go on with the same command), failed, waiting. Nothing is
changed there."""


def _told(error: str) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2
