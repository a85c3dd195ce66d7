"""Files of a run directory, which may be a stranger's."""

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
