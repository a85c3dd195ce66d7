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
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.checkpoint import Checkpoint
from dqn_experiments.components import build_agent, build_env
from dqn_experiments.config import checked
from dqn_experiments.devices import limit_threads, resolve
from dqn_experiments.errors import ConfigError

CONFIG = "config.yaml"
LOCK = "lock"
MAX_DEPTH = 20  # of nesting in a config
FREE = (
    "total_steps",
    "checkpoint",
    "evaluation",
    "tracker",
    "log_every",
    "device",
    "cpu_threads",
    "deterministic",
    "resume",
)
"""What may differ when a run is continued."""


def stored_config(run_dir: Path) -> DictConfig:
    """The validated config of a run, for this machine's devices.

    Raises:
        ConfigError: if the folder holds no run, or its config is not one that could be trained.
    """
    return _checked(run_dir, {**_stored(run_dir, "run"), "device": "auto"})


def continued_config(run_dir: Path, composed: DictConfig, overrides: list[str]) -> DictConfig:
    """The validated config of a run with what the command line changes of it.

    Args:
        run_dir: a run directory.
        composed: the config of the command line.
        overrides: the overrides of the command line.

    Raises:
        ConfigError: if the folder holds no run, or an override would make it another one.
    """
    config = OmegaConf.create(_stored(run_dir, "resume"))
    for override in OverridesParser.create().parse_overrides(overrides):
        key = override.key_or_group
        if not _is_free(key):
            raise ConfigError(
                f"{override.input_line}: would make it another run; with resume=<run directory> "
                f"must be of {', '.join(FREE)}"
            )
        if key != "resume":
            OmegaConf.update(config, key, OmegaConf.select(composed, key), merge=False)
    return _checked(run_dir, OmegaConf.to_container(config, resolve=True))


def _stored(run_dir: Path, key: str) -> dict[str, Any]:
    """What lies in a run directory that `key` names."""
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


def _refuse_bombs(text: str) -> None:
    """Raise ValueError for yaml of which a few lines can take gigabytes or minutes to read."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
            raise ValueError("aliases, or too deep")


def _checked(run_dir: Path, config: Any) -> DictConfig:
    try:
        return checked(config)
    except ConfigError as error:
        raise ConfigError(f"{run_dir / CONFIG}: {error}") from error


def _is_free(key: str) -> bool:
    return key.partition(".")[0] in FREE


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keep other processes out of a run directory; a lock dies with its process.

    Raises:
        ConfigError: if another process is there.
    """
    file = run_dir / LOCK
    try:
        with FileLock(file, timeout=0):
            file.write_text(f"process {os.getpid()} on {platform.node()}\n")
            yield
    except Timeout as error:
        raise ConfigError(
            f"hydra.run.dir={run_dir}: in use by {file.read_text().strip()}; must be another "
            "directory, or wait for it to end"
        ) from error


def check_same_run(run_dir: Path, config: DictConfig) -> None:
    """Refuse to continue a run as another one.

    Raises:
        ConfigError: naming the first value that differs and may not.
    """
    if not (run_dir / CONFIG).exists():
        return
    same_device = {**_stored(run_dir, "hydra.run.dir"), "device": config.device}
    stored, given = (
        _leaves(OmegaConf.to_container(each)) for each in (_checked(run_dir, same_device), config)
    )
    for key in [*given, *stored]:
        if not _is_free(key) and stored.get(key) != given.get(key):
            raise ConfigError(
                f"{key}={given.get(key)}: {run_dir} holds a run with {stored.get(key)}; must be "
                "the same, or another hydra.run.dir"
            )


def _leaves(config: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(config, dict):
        return {prefix.removesuffix("."): config}
    return {
        name: leaf
        for key, value in config.items()
        for name, leaf in _leaves(value, f"{prefix}{key}.").items()
    }


def claim(run_dir: Path, config: DictConfig) -> None:
    """Leave the config in a run's directory, in plain values."""
    partial = run_dir / f"{CONFIG}.partial"
    partial.write_text(OmegaConf.to_yaml(OmegaConf.merge(config, {"resume": "auto"})))
    partial.replace(run_dir / CONFIG)


def load_agent(config: DictConfig, checkpoint: Checkpoint, device: str) -> Any:
    """The agent of a checkpoint.

    Raises:
        ConfigError: if the checkpoint does not fit the run's config.
    """
    limit_threads(config.cpu_threads)
    weights = checkpoint.weights()
    env = build_env(config, num_envs=1)
    agent = build_agent(config, env, resolve(device))
    env.close()
    try:
        agent.network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ConfigError(f"{checkpoint.path}: not the weights of this run's network") from error
    return agent
