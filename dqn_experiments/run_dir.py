"""A run read from its directory alone, without running any code that lies there."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from omegaconf import DictConfig

from dqn_experiments.checkpoint import SUMS, WEIGHTS, Checkpoint
from dqn_experiments.components import build_agent, build_env
from dqn_experiments.config import checked
from dqn_experiments.devices import limit_threads, resolve
from dqn_experiments.errors import ConfigError
from dqn_experiments.files import refuse_devices

CONFIG = "config.yaml"
LOCK = "lock"
MAX_DEPTH = 20  # of nesting in a config


def stored_config(run_dir: Path, key: str = "run") -> DictConfig:
    """The validated config of the run that `key` names, for this machine's devices.

    Raises:
        ConfigError: if the folder holds no run, or its config is not one that could be trained.
    """
    return checked_config(run_dir, _on_any_device(read_config(run_dir, key)))


def read_config(run_dir: Path, key: str) -> dict[str, Any]:
    """What lies in a run directory that `key` names, not yet validated.

    Raises:
        ConfigError: if there is nothing, or nothing that could be a config.
    """
    file = run_dir / CONFIG
    if not file.is_file():
        raise ConfigError(f"{key}={run_dir}: must be a run directory; it has no {CONFIG}")
    try:
        text = file.read_text()
        _refuse_bombs(text)
        config = yaml.safe_load(text)
        as_json = json.dumps(config, default=str)
    except (yaml.YAMLError, ValueError, TypeError, OSError, RecursionError) as error:
        raise ConfigError(f"{key}={run_dir}: {CONFIG} cannot be read as yaml") from error
    if not isinstance(config, dict) or "${" in as_json:
        raise ConfigError(f"{key}={run_dir}: {CONFIG} must be a run's config in plain values")
    return config


def _on_any_device(config: dict[str, Any]) -> dict[str, Any]:
    """A run's config without the devices that its machine had."""
    buffer = config.get("buffer")
    elsewhere = {"buffer": {**buffer, "device": "auto"}} if isinstance(buffer, dict) else {}
    return {**config, "device": "auto", **elsewhere}


def _refuse_bombs(text: str) -> None:
    """Raise ValueError for yaml of which a few lines can take gigabytes or minutes to read."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
            raise ValueError("aliases, or too deep")


def checked_config(run_dir: Path, config: Any) -> DictConfig:
    """The validated config of what lies in a run directory, which an error names."""
    try:
        return checked(config)
    except ConfigError as error:
        raise ConfigError(f"{run_dir / CONFIG}: {error}") from error


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keep other processes out of a run directory; a lock dies with its process.

    Raises:
        ConfigError: if another process is there, or a file is a link or none at all.
    """
    file = run_dir / LOCK
    for link in filter(Path.is_symlink, run_dir.iterdir()):
        if not link.is_dir():  # a large disk for checkpoints is fine
            raise ConfigError(f"{link}: must not be a link; it would be written to")
    refuse_devices(run_dir)
    try:
        with FileLock(file, timeout=0):
            file.write_text(f"process {os.getpid()} on {platform.node()}\n")
            yield
    except Timeout as error:
        raise ConfigError(
            f"hydra.run.dir={run_dir}: in use by {file.read_text().strip()}; must be another "
            "directory, or wait for it to end"
        ) from error


def load_agent(config: DictConfig, checkpoint: Checkpoint, device: str) -> Any:
    """The agent of a checkpoint.

    Raises:
        ConfigError: if the checkpoint is damaged or does not fit the run's config.
    """
    limit_threads(config.cpu_threads)
    if (checkpoint.path / SUMS).exists():  # a copy to play with may come without
        checkpoint.verify([WEIGHTS])
    weights = checkpoint.weights()
    env = build_env(config, num_envs=1)
    agent = build_agent(config, env, resolve(device))
    env.close()
    try:
        agent.network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ConfigError(f"{checkpoint.path}: not the weights of this run's network") from error
    return agent
