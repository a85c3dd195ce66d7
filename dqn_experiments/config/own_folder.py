"""A folder of configs that a person names: theirs, and not a run's."""

from pathlib import Path


def is_run_dir(folder: Path) -> bool:
    """Whether a run lies there, whose config.yaml is not one to compose with."""
    file = folder / "config.yaml"
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return content.read(8) == b"version:" or (folder / "checkpoints").is_dir()
