"""Files of a run directory, on any system, and which may be a stranger's."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dqn_experiments.errors import StateError

TRIES, PAUSE = 10, 0.1  # of what may be refused for a moment; seconds between them


def of_a_file(error: OSError) -> str:
    """What the system says of a file, in a line; not every error of it has a name."""
    return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else str(error)


def write_text(path: Path, text: str) -> None:
    """Write a new file, the same bytes on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file that is there as a whole or as it was before."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # not written through: it may be a link
    write_text(partial, text)
    flush(partial)
    patiently(partial.replace, path)


def flush(path: Path) -> None:
    """Make what was written to a file, or the names in a folder, survive a power cut.

    Raises:
        OSError: if a file cannot be written out. For folders not every system has such a thing:
            Windows has none, nor have some network file systems.
    """
    if path.is_dir():
        with suppress(OSError):
            _sync(path, os.O_RDONLY)
    else:
        _sync(path, os.O_RDWR)  # Windows writes out only what is open for writing


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def patiently(move: Callable[[Path], object], target: Path) -> None:
    """Rename what was just written: `move` to `target`.

    Windows refuses that while anyone has a file of it open, as virus scanners have for a moment.

    Raises:
        OSError: if it is still refused after a second.
    """
    for _ in range(TRIES):
        try:
            move(target)
        except PermissionError:
            time.sleep(PAUSE)
        else:
            return
    move(target)


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
