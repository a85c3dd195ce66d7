"""The training episodes of a run, as history.csv has them."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import ConfigError
from dqn_experiments.run.files import HISTORY


def read_history(
    run_dir: Path, columns: Sequence[str] | None = None
) -> dict[str, NDArray[np.float64]]:
    """The columns of a run's history.csv, f64 [episodes] each.

    A last line that has no end yet is left out: a run may be writing it.

    Args:
        run_dir: the run's directory.
        columns: the names of those that are wanted; None: all.

    Raises:
        ConfigError: if there is none, or it cannot be read as numbers.
    """
    file = run_dir / HISTORY
    if not file.is_file():
        raise ConfigError(f"{file}: must be the history of a run; there is no such file")
    try:
        names, rows = _header_and_rows(file)
        wanted = names if columns is None else list(columns)
        if names[0] != "step" or not set(wanted) <= set(names):
            raise ValueError(f"its columns are {', '.join(names)[:100]}")
        indices = [names.index(name) for name in wanted]
        with warnings.catch_warnings(action="ignore"):  # no episode yet is fine
            values = np.loadtxt(
                file, delimiter=",", skiprows=1, ndmin=2, usecols=indices, max_rows=rows
            )
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: must be the history of a run ({error})") from error
    return dict(zip(wanted, values.reshape(-1, len(wanted)).T, strict=True))


def _header_and_rows(file: Path) -> tuple[list[str], int]:
    """The names of the columns, and how many whole lines follow."""
    with file.open("rb") as lines:
        names = lines.readline().decode("utf-8").rstrip("\n").split(",")
        chunks = iter(lambda: lines.read(1 << 20), b"")
        return names, sum(chunk.count(b"\n") for chunk in chunks)
