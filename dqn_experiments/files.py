"""Files of a run directory, which may be a stranger's."""

from pathlib import Path

from dqn_experiments.errors import StateError


def replace_text(path: Path, text: str) -> None:
    """Write a file that is there as a whole or as it was before."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # not written through: it may be a link
    partial.write_text(text)
    partial.replace(path)


def refuse_links(folder: Path) -> None:
    """Raise StateError for a link to a file, a pipe or a device: it leads elsewhere, or never ends.

    A link to a folder is fine: checkpoints may lie on another disk.
    """
    for path in folder.iterdir():
        if not path.is_dir() and (path.is_symlink() or not path.is_file()):
            raise StateError(f"{path}: must be a file, not a link, a pipe or a device")
