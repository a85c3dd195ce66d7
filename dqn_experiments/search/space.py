"""What is searched over, in the words of Hydra's Optuna sweeper: choices, ranges, intervals."""

import math
from collections.abc import Sequence
from typing import Any

from hydra_plugins.hydra_optuna_sweeper._impl import (
    OptunaSweeperImpl,
    create_params_from_overrides,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from dqn_experiments.errors import ConfigError

Space = dict[str, BaseDistribution]

OF_THE_SEARCH = {
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
    space: Space = {}
    shared: dict[str, str] = {}
    for written in overrides:
        try:
            searched, values, deleted = create_params_from_overrides([written])
        except (AssertionError, NotImplementedError) as error:
            told = "must be a choice, a range or an interval of plain values, as Optuna takes them"
            raise ConfigError(f"{written}: {told}") from error
        except ValueError as error:
            raise ConfigError(f"{written}: {error}") from error
        for key in [*searched, *values]:
            space.pop(key, None)
            shared.pop(key, None)
            if key in OF_THE_SEARCH and (key in searched or key.startswith("pause")):
                raise ConfigError(f"{written}: {OF_THE_SEARCH[key]}")
        space |= searched
        shared |= {key: f"{key}={value}" for key, value in values.items()}
        shared |= {each: each for each in deleted}
    if not space:
        raise ConfigError(
            "hydra/sweeper=halving: has nothing to search over; must be told by the command line "
            "or hydra.sweeper.params, as in 'optimizer.lr=tag(log,interval(1e-5,1e-3))'"
        )
    return space, list(shared.values())


def as_overrides(params: dict[str, Any]) -> list[str]:
    """The values of a trial as a command line has them."""
    return [f"{key}={value}" for key, value in params.items()]


def a_point(space: Space) -> dict[str, Any]:
    """The values of a trial that could be."""
    return {key: _a_value(each) for key, each in space.items()}


def _a_value(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    if isinstance(distribution, FloatDistribution) and distribution.step is None:
        inside = (distribution.high - distribution.low) / math.pi  # where no whole number is
        return distribution.low + inside
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return distribution.low


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
