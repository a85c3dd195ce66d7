"""What a run hands over to the components it builds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch


class Implicit(NamedTuple):
    """What a rule that learns quantiles at given fractions asks of a network (IQN)."""

    cosines: int
    """n of the embedding cos(pi i tau)."""
    first: int
    """The first i: 1, or 0."""
    samples: int
    """K: quantiles drawn per forward when acting."""


@dataclass(frozen=True)
class NetworkSpec:
    """The sizes that a network is built for."""

    observation_shape: tuple[int, ...]
    """(K, *frame): K stacked frames."""
    num_actions: int
    outputs: int
    """Per action, as many as the learning rule asks for."""
    implicit: Implicit | None = None
    """None unless the rule hands over the fractions whose quantiles it asks for."""


@dataclass(frozen=True)
class ReplaySpec:
    """What a replay memory stores, and for whom."""

    num_envs: int
    observation_shape: tuple[int, ...]
    """(K, *frame); single frames are stored."""
    dtype: np.dtype[Any]
    """Of a frame."""
    rng: np.random.Generator
    """Draws the batches."""
    device: torch.device
    """Where batches are wanted."""


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of the run whose numbers it will get."""

    run_dir: Path
    config: Mapping[str, Any]
    """All of it, in plain values."""
    title: str
    """A name to tell runs apart by."""
    sweep: str | None = None
    """The sweep that the run is a job of."""
