"""What a person says of a search, checked before anything starts."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel

from dqn_experiments.config.check import checked_keys
from dqn_experiments.config.constraints import Count, Several
from dqn_experiments.config.schema import CLOSED
from dqn_experiments.errors import ConfigError

PREFIX = "hydra.sweeper."
SAMPLERS = {f"optuna.samplers.{name}Sampler" for name in ("TPE", "Random", "Grid")}
"""Those that go by the trials of a study alone; others keep notes in it."""


class PrunerSettings(BaseModel):
    """The rungs of `optuna.pruners.SuccessiveHalvingPruner`."""

    model_config = CLOSED
    min_resource: Count | None
    reduction_factor: Several


class Settings(BaseModel):
    """The keys of conf/hydra/sweeper/halving.yaml."""

    model_config = CLOSED
    sampler: dict[str, Any]
    pruner: PrunerSettings
    n_trials: Count
    seeds: Count
    n_jobs: Count
    direction: Literal["maximize", "minimize"]
    storage: str | None
    study_name: str | None
    params: dict[str, Any] | None


def checked_settings(sweeper: dict[str, Any]) -> Settings:
    """The keys of `hydra.sweeper`; raises ConfigError."""
    keys = {key: value for key, value in sweeper.items() if key != "_target_"}
    settings = checked_keys(Settings, keys, PREFIX)
    target = settings.sampler.get("_target_")
    if target not in SAMPLERS:
        told = "must be chosen by hydra/sweeper/sampler=<name>, one of grid, random, tpe"
        raise ConfigError(f"{PREFIX}sampler._target_={target}: {told}")
    seed = settings.sampler.get("seed")
    if seed is not None and (type(seed) is not int or seed < 0):
        told = "must be a whole number from 0, or null"
        raise ConfigError(f"{PREFIX}sampler.seed={seed}: {told}")
    return settings


def rungs(pruner: PrunerSettings, total_steps: int, learning_starts: int) -> list[int]:
    """The agent steps at which runs pause, and last of all those of a whole run.

    Raises:
        ConfigError: if the first rung is not between the start of learning and the end.
    """
    factor = pruner.reduction_factor
    first = pruner.min_resource or -(-total_steps // factor**2)
    by_default = f" (total_steps={total_steps} / {factor**2})" * (pruner.min_resource is None)
    key = f"{PREFIX}pruner.min_resource={first}{by_default}"
    if first >= total_steps:
        raise ConfigError(f"{key}: must be less than total_steps={total_steps}")
    if first <= learning_starts:
        told = f"must be more than learning_starts={learning_starts}, or nothing is learned by then"
        raise ConfigError(f"{key}: {told}")
    return [*_below(total_steps, first, factor), total_steps]


def _below(total_steps: int, step: int, factor: int) -> Iterator[int]:
    while step < total_steps:
        yield step
        step *= factor
