"""From a validated config to the objects that its `_target_`s name."""

from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from dqn_experiments.groups import EXECUTION_WHITELIST


def build(node: DictConfig, *handed_over: Any, **overrides: Any) -> Any:
    """Instantiate one group's node; `handed_over` are the positional parameters of its class."""
    construct = instantiate(
        node,
        **overrides,
        _partial_=True,  # so that what is handed over is never taken for configuration
        _convert_="all",
        _execution_whitelist_=EXECUTION_WHITELIST,
    )
    return construct(*handed_over)


def build_agent(config: DictConfig, env: Any, device: torch.device) -> Any:
    """The network for what `env` shows, inside the agent that trains it."""
    network = build(config.network, env.observation_shape, env.num_actions)
    return build(config.agent, network.to(device), env.num_actions)


def build_env(config: DictConfig, num_envs: int, max_frames: int | None = None) -> Any:
    """`num_envs` copies of the run's environment, with another time limit if one is given."""
    limit = {} if max_frames is None else {"max_frames": max_frames}
    return build(config.env, num_envs=num_envs, **limit)
