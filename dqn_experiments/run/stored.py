"""The config of a run, read from its directory without running any code that lies there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from dqn_experiments.config.check import checked
from dqn_experiments.config.stored_form import from_stored_form, stored_form
from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.files import replace_text
from dqn_experiments.run.config_file import CONFIG, read_config


def store_config(run_dir: Path, config: DictConfig) -> None:
    """Leave a checked config in a run's directory, in plain values."""
    text = yaml.safe_dump(stored_form(config), sort_keys=False, allow_unicode=True)
    replace_text(run_dir / CONFIG, text)


def stored_config(
    run_dir: Path, key: str = "run", changes: Mapping[str, Any] | None = None
) -> DictConfig:
    """The checked config of a run.

    Args:
        run_dir: its directory.
        key: the key that names the directory on the command line.
        changes: values by dotted keys, which take the place of what is stored. Without any the
            devices that the run's machine had are left out, so that it can be read anywhere.

    Raises:
        ConfigError: if the folder holds no run, or its config is not one that could be trained.
    """
    stored = read_config(run_dir, key)
    try:
        config = from_stored_form(stored)
        for place, value in (_on_any_device(config) if changes is None else changes).items():
            _put(config, place, value)
        return checked(config)
    except ConfigError as error:
        if changes:
            stored_config(run_dir, key)  # raises if it is the file that is wrong
            raise
        raise ConfigError(f"{run_dir / CONFIG}: {error}") from error


def _on_any_device(config: dict[str, Any]) -> dict[str, str]:
    buffer = config.get("buffer")
    has_device = isinstance(buffer, dict) and "device" in buffer
    return {"device": "auto", **({"buffer.device": "auto"} if has_device else {})}


def _put(config: dict[str, Any], place: str, value: Any) -> None:
    *parents, last = place.split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
    config[last] = value
