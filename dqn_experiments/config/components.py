"""From a checked config to the objects that its `_target_`s name."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from dqn_experiments.config.lookup import component, is_handed_something, nested
from dqn_experiments.config.trust import execution_whitelist
from dqn_experiments.experience.contract import (
    Augmentation,
    Env,
    Evaluator,
    Replay,
    Rule,
    Schedule,
    Tracker,
)
from dqn_experiments.experience.spec import NetworkSpec, ReplaySpec, TrackedRun


def build_env(config: DictConfig, num_envs: int | None = None, limit: int | None = None) -> Env:
    """The run's environment, with another number of copies or another `max_frames` if given."""
    changes = {"num_envs": num_envs, "max_frames": limit}
    changed = {key: value for key, value in changes.items() if value is not None}
    env: Env = _build("env", config.env, **changed)
    return env


def build_rule(config: DictConfig) -> Rule:
    """The agent's learning rule."""
    rule: Rule = _build("agent", config.agent)
    return rule


def build_network(config: DictConfig, spec: NetworkSpec) -> nn.Module:
    """A network of those sizes."""
    network: nn.Module = _build("network", config.network, spec)
    return network


def build_replay(config: DictConfig, spec: ReplaySpec) -> Replay:
    """The replay memory."""
    replay: Replay = _build("buffer", config.buffer, spec)
    return replay


def build_optimizer(
    config: DictConfig, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """The optimizer of those parameters."""
    optimizer: torch.optim.Optimizer = _build("optimizer", config.optimizer, parameters)
    return optimizer


def build_augmentation(config: DictConfig) -> Augmentation:
    """What changes the observations of an update."""
    augmentation: Augmentation = _build("augmentation", config.augmentation)
    return augmentation


def build_epsilon(config: DictConfig) -> Schedule:
    """The schedule of exploration."""
    schedule: Schedule = _build("schedule", config.schedule)
    return schedule


def build_evaluator(config: DictConfig) -> Evaluator:
    """What scores the agent."""
    evaluator: Evaluator = _build("evaluation", config.evaluation)
    return evaluator


def build_tracker(config: DictConfig, run: TrackedRun) -> Tracker:
    """Where the run's numbers are sent."""
    tracker: Tracker = _build("tracker", config.tracker, run)
    return tracker


def _build(group: str, node: Mapping[Any, Any], *handed_over: Any, **changes: Any) -> Any:
    """Instantiate one group's node; `handed_over` are the positional parameters of its class."""
    construct = instantiate(
        _with_inner_partials(group, {**dict(node), **changes}),
        _partial_=True,  # so that what is handed over is never taken for configuration
        _convert_="all",
        _execution_whitelist_=execution_whitelist(),
    )
    return construct(*handed_over)


def _with_inner_partials(group: str, node: dict[str, Any]) -> dict[str, Any]:
    """Components within a component get theirs from it, and so are only named here."""
    for name, inner in nested(component(group, node["_target_"])).items():
        node[name] = _with_inner_partials(inner, dict(node[name]))
        if is_handed_something(component(inner, node[name]["_target_"])):
            node[name]["_partial_"] = True
    return node
