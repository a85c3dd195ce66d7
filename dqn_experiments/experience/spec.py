"""What a run hands over to the components it builds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch


class Implicit(NamedTuple):
    """What a network is to be that answers for quantiles of the caller's choice.

    It maps (observation, tau f32 [B, N]) to [B, num_actions, N]. With the observation alone it
    draws `samples` uniform tau for each of the B by itself, from torch's global generator.
    """

    cosines: int
    """n: a tau is embedded as cos(pi i tau) for n successive i (Dabney et al. 2018, equation 4)."""
    first: int
    """The first i."""
    samples: int
    """K: quantiles per forward when acting."""


@dataclass(frozen=True)
class NetworkSpec:
    """The sizes that a network is built for."""

    observation_shape: tuple[int, ...]
    """(K, *frame): K stacked frames."""
    num_actions: int
    outputs: int
    """Per action, as many as the learning rule asks for; 1 if it is implicit."""
    implicit: Implicit | None = None


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
