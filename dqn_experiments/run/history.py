"""The training episodes of a run, as history.csv has them."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import ConfigError

HISTORY = "history.csv"


def read_history(run_dir: Path) -> dict[str, NDArray[np.float64]]:
    """The columns of a run's history.csv, f64 [episodes] each.

    Raises:
        ConfigError: if there is none, or it cannot be read as numbers.
    """
    file = run_dir / HISTORY
    if not file.is_file():
        raise ConfigError(f"{file}: must be the history of a run; there is no such file")
    try:
        names = file.read_text("utf-8").partition("\n")[0].split(",")
        with warnings.catch_warnings(action="ignore"):  # no episode yet is fine
            rows = np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: must be the history of a run ({error})") from error
    if names[0] != "step" or (rows.size and rows.shape[1] != len(names)):
        raise ConfigError(f"{file}: must be the history of a run, a row for every episode")
    return dict(zip(names, rows.reshape(-1, len(names)).T, strict=True))
