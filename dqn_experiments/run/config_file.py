"""The file with a run's config, read as data: of plain values, and of a size and depth that it may
have."""

import json
from pathlib import Path
from typing import Any

import yaml

from dqn_experiments.errors import ConfigError

CONFIG = "config.yaml"
MAX_DEPTH = 20  # of nesting in a config
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is there


def read_config(run_dir: Path, key: str = "run") -> dict[str, Any]:
    """What a run's config.yaml says, in plain values that nobody has checked.

    Args:
        run_dir: its directory.
        key: the key that names the directory on the command line.

    Raises:
        ConfigError: if there is none, or it is no such file.
    """
    file = run_dir / CONFIG
    try:
        if not file.is_file():
            raise ConfigError(f"{key}={run_dir}: must be a run directory; it has no {CONFIG}")
        text = file.read_text("utf-8")
    except OSError as error:
        told = f"{key}={run_dir}: {CONFIG} cannot be read ({error.strerror})"
        raise ConfigError(told) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{key}={run_dir}: {CONFIG} cannot be read as yaml") from error
    try:
        _refuse_bombs(text)
        config = yaml.load(text, LOADER)
        as_json = json.dumps(config, default=str)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{key}={run_dir}: {CONFIG} cannot be read as yaml") from error
    if not isinstance(config, dict) or "${" in as_json:
        raise ConfigError(f"{key}={run_dir}: {CONFIG} must be a run's config in plain values")
    return config


def _refuse_bombs(text: str) -> None:
    """Raise ValueError for yaml of which a few lines can take gigabytes or minutes to read."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
            raise ValueError("aliases, or too deep")
