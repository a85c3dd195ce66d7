"""A note of a search in the directory of a run that it stopped early."""

from contextlib import suppress
from pathlib import Path

PRUNED = "pruned"


def prune(run_dir: Path) -> None:
    """Leave it; without, on a disk that takes none, the run counts as paused."""
    with suppress(OSError):
        (run_dir / PRUNED).touch()


def forget(run_dir: Path) -> None:
    """Remove it, as the run goes on."""
    (run_dir / PRUNED).unlink(missing_ok=True)


def is_pruned(run_dir: Path) -> bool:
    """Whether it is there."""
    return (run_dir / PRUNED).is_file()
