"""A run read from its directory alone, without running any code that lies there."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dqn_experiments.checkpoint import Checkpoint
from dqn_experiments.components import build_agent, build_env
from dqn_experiments.config import validated
from dqn_experiments.devices import resolve
from dqn_experiments.errors import ConfigError


def stored_config(run_dir: Path, **changes: Any) -> DictConfig:
    """The config that the run was started with, with `changes`, validated.

    Raises:
        ConfigError: if the folder holds no run, or its config is not one that could be trained.
    """
    file = run_dir / ".hydra" / "config.yaml"
    if not file.is_file():
        raise ConfigError(f"run={run_dir}: must be a run directory; it has no .hydra/config.yaml")
    try:
        config = OmegaConf.load(file)
    except (YAMLError, OmegaConfBaseException, OSError) as error:
        raise ConfigError(f"run={run_dir}: .hydra/config.yaml cannot be read as yaml") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"run={run_dir}: .hydra/config.yaml is not the config of a run")
    for key, value in changes.items():
        OmegaConf.update(config, key, value)
    return validated(config)


def load_agent(config: DictConfig, checkpoint: Checkpoint) -> Any:
    """The agent of a checkpoint, on the config's device.

    Raises:
        ConfigError: if the checkpoint does not fit the run's config.
    """
    weights = checkpoint.weights()
    env = build_env(config, num_envs=1)
    agent = build_agent(config, env, resolve(config.device))
    env.close()
    try:
        agent.network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ConfigError(f"{checkpoint.path}: not the weights of this run's network") from error
    return agent
