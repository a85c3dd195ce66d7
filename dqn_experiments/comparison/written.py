"""The files that a comparison leaves."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dqn_experiments.comparison.page import page
from dqn_experiments.comparison.plots import draw
from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.files import replace_text

Plain = dict[str, Any]


def write(comparison: Plain, output: Path) -> list[Path]:
    """Leave the page, the pictures and the figures in a folder; returns their paths.

    The same comparison leaves the same bytes.

    Raises:
        ConfigError: if the folder cannot be made.
        OSError: if a file cannot be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--output {output}: must be a folder that can be written ({error.strerror})"
        ) from error
    texts = {
        "comparison.html": page(comparison),
        "comparison.json": json.dumps(comparison, indent=1, allow_nan=False) + "\n",
        "table.csv": _csv(map(_flat, comparison["table"])),
        "runs.csv": _csv(map(_flat, comparison["runs"])),
    }
    for name, text in texts.items():
        replace_text(output / name, text)
    return [*(output / name for name in texts), *draw(comparison, output)]


def _flat(row: Plain) -> Plain:
    """Values of a row by names such as `final.low`; lists as one value."""
    flat: Plain = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{name}": inner for name, inner in value.items()})
        elif isinstance(value, Sequence) and not isinstance(value, str):
            flat[key] = "; ".join(map(str, value))
        else:
            flat[key] = value
    return flat


def _csv(rows: Iterable[Plain]) -> str:
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
