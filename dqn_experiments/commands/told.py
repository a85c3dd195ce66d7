"""How commands that take flags and directories, rather than keys, end where something is wrong."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dqn_experiments.commands.one_line import one_line
from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.files import of_a_file


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Errors of what was asked for become a line and exit code 2; Ctrl-C becomes 130."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)  # whoever read it has seen enough
    except (ConfigError, OSError) as error:
        told = of_a_file(error) if isinstance(error, OSError) else one_line(error)
        print(f"error: {told}", file=sys.stderr)
        sys.exit(2)
