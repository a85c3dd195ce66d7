"""Files of a run directory, which may be a stranger's."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dqn_experiments.errors import StateError


def replace_text(path: Path, text: str) -> None:
    """Write a file that is there as a whole or as it was before."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # not written through: it may be a link
    partial.write_text(text)
    partial.replace(path)


def refuse_devices(folder: Path) -> None:
    """Raise StateError where a pipe or a device has the place of a file: it may never end."""
    for path in folder.iterdir():
        if not path.is_file() and not path.is_dir():
            raise StateError(f"{path}: must be a file, not a pipe or a device")


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder; afterwards it and what had to be made around it is gone again, if empty.

    Raises:
        OSError: if it cannot be made.
    """
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for each in new:
            with suppress(OSError):
                each.rmdir()


def unique() -> str:
    """What makes a name differ from all others, also from those of the same second."""
    return secrets.token_hex(3)
