"""What is searched over, in the words of Hydra's Optuna sweeper: choices, ranges, intervals."""

from collections.abc import Sequence
from typing import Any

from hydra_plugins.hydra_optuna_sweeper._impl import (
    OptunaSweeperImpl,
    create_params_from_overrides,
)
from optuna.distributions import BaseDistribution, CategoricalDistribution

from dqn_experiments.errors import ConfigError

Space = dict[str, BaseDistribution]

NOT_SEARCHED = {
    "seed": "must be one number; hydra.sweeper.seeds says how many runs a trial has, from it on",
    "total_steps": "must be one number, of which rungs are parts",
    "pause_at": "must be left out; runs of a search pause at its rungs",
    "pause_after": "must be left out; runs of a search pause at its rungs",
}


def search_space(overrides: Sequence[str]) -> tuple[Space, list[str]]:
    """What is searched over, and the overrides that all trials share.

    Args:
        overrides: a later one takes the place of an earlier one of the same key.

    Raises:
        ConfigError: if there is nothing to search over, or what must not be.
    """
    try:
        space, values, deleted = create_params_from_overrides(list(overrides))
    except (AssertionError, NotImplementedError) as error:
        told = "must be values that Optuna takes: a choice, a range or an interval of plain ones"
        raise ConfigError(f"{_first_sweep(overrides)}: {told}") from error
    space = {key: each for key, each in space.items() if key not in values}
    for key, told in NOT_SEARCHED.items():
        if key in space or (key.startswith("pause") and values.get(key, "null") != "null"):
            written = next(each for each in overrides if each.startswith(f"{key}="))
            raise ConfigError(f"{written}: {told}")
    if not space:
        raise ConfigError(
            "hydra/sweeper=halving: has nothing to search over; must be told by the command line "
            "or hydra.sweeper.params, as in 'optimizer.lr=tag(log,interval(1e-5,1e-3))'"
        )
    return space, [*(f"{key}={value}" for key, value in values.items()), *deleted]


def as_overrides(params: dict[str, Any]) -> list[str]:
    """The values of a trial as a command line has them."""
    return [f"{key}={value}" for key, value in params.items()]


def first_values(space: Space) -> dict[str, Any]:
    """A point of it."""
    return {
        key: each.choices[0] if isinstance(each, CategoricalDistribution) else vars(each)["low"]
        for key, each in space.items()
    }


def grid_of(space: Space) -> dict[str, list[Any]]:
    """All values of every key; raises ConfigError of an interval, which has no end of them."""
    grid = {}
    for key, each in space.items():
        try:
            grid[key] = list(OptunaSweeperImpl._to_grid_sampler_choices(each))
        except ValueError as error:
            told = "must be a choice or a range, as hydra/sweeper/sampler=grid takes all its values"
            raise ConfigError(f"{key}: {told}") from error
    return grid


def _first_sweep(overrides: Sequence[str]) -> str:
    return next((each for each in overrides if "(" in each or "," in each), overrides[0])
