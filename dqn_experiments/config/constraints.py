"""Types with ranges, for the parameters that a config file can set.

Components declare what they accept in their own signatures; `dqn_experiments.config.check` holds a
composed config against those signatures before anything is built.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from dqn_experiments.config.roms import single_player_roms

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NonPositive = Annotated[float, Field(le=0, allow_inf_nan=False)]
PositiveUnit = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
UnitInterval = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]  # of a running mean; at 1 it would never move
Count = Annotated[int, Field(ge=1)]
Threads = Annotated[int, Field(ge=1, le=1_024)]
Several = Annotated[int, Field(ge=2)]
OptionalCount = Annotated[int, Field(ge=0)]
FrameStackSize = Annotated[int, Field(ge=1, le=255)]
Seed = Annotated[int, Field(ge=0, lt=2**30)]  # emulators take 31 bits, and one seed per env


@dataclass(frozen=True)
class Component:
    """Marks a parameter whose value is a component of another group."""

    group: str
    """A folder of configs, such as `schedule` or `network/torso`."""


@dataclass(frozen=True)
class Default:
    """Marks a key of a TypedDict that a config may lack, as one from before there was such a key.

    A parameter says so by its own default; the keys of a TypedDict have none.
    """

    value: Any


Schedule = Annotated[Callable[[int], float], Component("schedule")]
Torso = Annotated[Callable[[tuple[int, ...]], Any], Component("network/torso")]
"""A module with `features`, built for the shape of an observation."""


def _known(rom: str) -> str:
    if rom not in single_player_roms():
        raise ValueError(f"must be one of {', '.join(single_player_roms())}")
    return rom


Rom = Annotated[str, AfterValidator(_known)]


def _taken_by_wandb(project: str) -> str:
    if not 1 <= len(project) <= 128 or set(project) & set("/\\#?%:"):
        raise ValueError("must be 1 to 128 characters, none of / \\ # ? % :")
    return project


WandbProject = Annotated[str, AfterValidator(_taken_by_wandb)]
"""A name that W&B takes."""
