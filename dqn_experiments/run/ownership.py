"""One process per run directory, and nothing left in it by one that is refused."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.machine.files import refuse_devices, replace_text

LOCK, OWNER = "lock", "lock.owner"
"""What keeps others out, whose content is filelock's own, and a note of who that is."""

A_LOOK = 0.2  # seconds to wait for one who only looks whether somebody owns the directory


class NotOursError(ConfigError):
    """The run directory cannot be this process's."""


class InUseError(NotOursError):
    """Another process owns it."""


@contextmanager
def owned(run_dir: Path, key: str) -> Iterator[None]:
    """Keep other processes out of a run directory; what keeps them out dies with this process.

    Args:
        run_dir: an existing folder.
        key: what a person calls it by.

    Raises:
        InUseError: if another process owns it.
        NotOursError: if it cannot be written to, or a file in it is a link or none at all.
    """
    refused: list[ConfigError] = []
    with ExitStack() as held:
        try:
            for link in filter(Path.is_symlink, run_dir.iterdir()):
                if not link.is_dir():  # a large disk for checkpoints is fine
                    raise NotOursError(f"{link}: must not be a link; it would be written to")
            refuse_devices(run_dir)
            is_new = not (run_dir / LOCK).exists()
            held.enter_context(FileLock(run_dir / LOCK, timeout=A_LOOK, poll_interval=A_LOOK / 10))
            held.callback(lambda: _leave(run_dir, without_a_trace=is_new and bool(refused)))
            replace_text(run_dir / OWNER, f"process {os.getpid()} on {platform.node()}\n")
        except StateError as error:
            raise NotOursError(str(error)) from error
        except Timeout as error:
            raise InUseError(
                f"{key}={run_dir}: in use by {_owner(run_dir)}; must be another directory, or wait "
                "for it to end"
            ) from error
        except OSError as error:
            file = Path(error.filename or LOCK).name
            told = f"{key}={run_dir}: {file} cannot be written ({error.strerror})"
            raise NotOursError(told) from error
        try:
            yield
        except ConfigError as error:
            refused.append(error)
            raise


def _leave(run_dir: Path, without_a_trace: bool) -> None:
    """Take the note along, and the lock if it is to be so or where nothing else is."""
    with suppress(OSError):  # Windows does not remove what is open
        (run_dir / OWNER).unlink(missing_ok=True)
        if without_a_trace or not _content(run_dir):
            (run_dir / LOCK).unlink()


def in_use(run_dir: Path) -> bool:
    """Whether a process owns a directory, on this machine or another that sees it."""
    lock = run_dir / LOCK
    if lock.is_symlink() or not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # somebody else's, who lets others only read
        return was_left(run_dir)


def was_left(run_dir: Path) -> bool:
    """Whether the note of an owner is there: one that ended in good order took it along."""
    return (run_dir / OWNER).is_file()


def _owner(run_dir: Path) -> str:
    try:
        return (run_dir / OWNER).read_text(encoding="utf-8").strip()
    except OSError:
        return "another process"


def _content(run_dir: Path) -> list[Path]:
    return [path for path in run_dir.iterdir() if path.name not in (LOCK, OWNER)]


@contextmanager
def empty_if_refused(run_dir: Path) -> Iterator[None]:
    """See to it that an owned directory that was empty is so again after a ConfigError."""
    was_empty = not _content(run_dir)
    try:
        yield
    except ConfigError:
        for path in _content(run_dir) if was_empty else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise
