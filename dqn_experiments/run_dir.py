"""A run read from its directory alone, without running any code that lies there."""

import json
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.checkpoint import Checkpoint
from dqn_experiments.components import build_agent, build_env
from dqn_experiments.config import checked
from dqn_experiments.devices import limit_threads, resolve
from dqn_experiments.errors import ConfigError

CONFIG = "config.yaml"


def stored_config(run_dir: Path) -> DictConfig:
    """The validated config that the run was started with.

    Raises:
        ConfigError: if the folder holds no run, or its config is not one that could be trained.
    """
    file = run_dir / CONFIG
    if not file.is_file():
        raise ConfigError(f"run={run_dir}: must be a run directory; it has no {CONFIG}")
    try:
        config = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise ConfigError(f"run={run_dir}: {CONFIG} cannot be read as yaml") from error
    if not isinstance(config, dict) or "${" in json.dumps(config, default=str):
        raise ConfigError(f"run={run_dir}: {CONFIG} must be a run's config in plain values")
    config["device"] = "auto"  # the machine that trained it may have been another
    try:
        return checked(config)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def claim(run_dir: Path, config: DictConfig) -> None:
    """Make a directory this run's own by leaving its config there, in plain values.

    Raises:
        ConfigError: if another run has done so.
    """
    try:
        with (run_dir / CONFIG).open("x") as file:
            file.write(OmegaConf.to_yaml(config, resolve=True))
    except FileExistsError as error:
        raise ConfigError(
            f"hydra.run.dir={run_dir}: already holds a run; must be a new directory"
        ) from error


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
