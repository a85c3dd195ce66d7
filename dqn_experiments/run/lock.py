"""One process per run directory."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.files import refuse_devices

LOCK = "lock"


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keep other processes out of a run directory; a lock dies with its process.

    Raises:
        ConfigError: if another process is there, or a file is a link or none at all.
    """
    file = run_dir / LOCK
    for link in filter(Path.is_symlink, run_dir.iterdir()):
        if not link.is_dir():  # a large disk for checkpoints is fine
            raise ConfigError(f"{link}: must not be a link; it would be written to")
    refuse_devices(run_dir)
    try:
        with FileLock(file, timeout=0):
            file.write_text(f"process {os.getpid()} on {platform.node()}\n")
            yield
    except Timeout as error:
        raise ConfigError(
            f"hydra.run.dir={run_dir}: in use by {file.read_text().strip()}; must be another "
            "directory, or wait for it to end"
        ) from error
