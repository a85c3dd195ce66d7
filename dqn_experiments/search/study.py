"""The study of a search: where it is kept, what it was begun with, what its trials are drawn by."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import optuna
from hydra.utils import instantiate
from optuna.samplers import BaseSampler

from dqn_experiments.errors import ConfigError
from dqn_experiments.search.settings import PREFIX, Settings
from dqn_experiments.search.space import Space, grid_of

BEGUN_WITH = "begun_with"

Direction = Literal["maximize", "minimize"]
SamplerOf = Callable[[int], BaseSampler]
"""What the trial of a number is drawn by."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def opened(
    storage: str, name: str, direction: Direction, begun_with: dict[str, Any]
) -> optuna.Study:
    """The study of that name, a new one if there is none.

    Args:
        storage: URL of a database.
        name: in the database.
        direction: of its objective.
        begun_with: what must be the same as long as the study goes on, by its keys.

    Raises:
        ConfigError: if it cannot be opened, or is another one.
    """
    try:
        study = optuna.create_study(
            study_name=name, storage=storage, direction=direction, load_if_exists=True
        )
    except Exception as error:  # of whatever database it is
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{PREFIX}storage={storage}: cannot be opened ({reason})") from error
    if BEGUN_WITH not in study.user_attrs and not study.trials:
        study.set_user_attr(BEGUN_WITH, begun_with)
    before = study.user_attrs.get(BEGUN_WITH, {})
    for key in [*begun_with, *before]:
        if begun_with.get(key) != before.get(key):
            with_that = f"with {before[key]}" if key in before else "without it"
            raise ConfigError(
                f"{key}={begun_with.get(key)}: the study {name} was begun {with_that}; "
                "must be the same, or another hydra.sweep.dir"
            )
    return study


def drawn_by(settings: Settings, space: Space) -> tuple[SamplerOf, int]:
    """The sampler of each trial, and how many trials there are at most.

    A trial's random numbers follow from its number, so those that are drawn after a stop are not
    the first ones once more.

    Raises:
        ConfigError: if the sampler cannot draw from that space.
    """
    node = dict(settings.sampler)
    seed = node.pop("seed", None)
    if node["_target_"] != "optuna.samplers.GridSampler":
        return lambda number: _built({**node, "seed": _of_trial(seed, number)}), settings.n_trials
    grid = grid_of(space)
    points = math.prod(map(len, grid.values()))
    sampler = optuna.samplers.GridSampler(grid, seed)
    return lambda _: sampler, min(settings.n_trials, points)


def _of_trial(seed: int | None, number: int) -> int | None:
    return (
        None if seed is None else int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    )


def _built(node: dict[str, Any]) -> BaseSampler:
    sampler: BaseSampler = instantiate(node, _execution_whitelist_=("optuna.samplers.*",))
    return sampler
