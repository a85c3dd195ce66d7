"""What the parts of a run ask of each other: the contract of each config group.

A component needs to inherit from nothing; it has to have these attributes and methods.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from dqn_experiments.experience.batch import Batch, PerSample
from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.experience.spec import Implicit
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.state import State

Schedule = Callable[[int], float]
"""Agent steps to a number."""

Augmentation = Callable[[Tensor], Tensor]
"""Observations [B, K, *frame] to others of the same shape that an update sees in their place.

It draws from torch's global generators. u8 may become f32, then in [0, 1] as a network makes it of
bytes. One that takes only images says `accepts = frozenset({"image"})`.
"""


class Env(Protocol):
    """N environments side by side, whose behaviour follows from seeds and actions alone.

    One that limits its episodes by itself says so in an attribute `max_frames`, in emulator frames.
    One that can be saved may have `state_dict() -> State | None`, None while it cannot, in which
    `frame` [N, *frame] is what was shown last, and `load_state_dict(state) -> None`, which brings a
    new one there or raises StateError.
    """

    observation_kind: str
    """`image` or `vector`: what networks say they can see."""
    num_envs: int
    num_actions: int
    frame_skip: int
    """Emulator frames per step."""
    observation_shape: tuple[int, ...]
    """(K, *frame): what a network sees, K frames stacked."""
    dtype: np.dtype[Any]

    def reset(self, seed: int, which: NDArray[np.bool_] | None = None) -> NDArray[np.generic]:
        """Start episodes everywhere or in those of a mask; returns all frames [N, *frame]."""

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """The outcome of one action i64 [N] in each environment."""

    def close(self) -> None:
        """Release the environments."""


class Single(Protocol):
    """One environment that plays exactly as each of N does, and whose state can be saved.

    An `Env` may have `single`, which makes one and can be pickled, as a partial of a class can; and
    then has `began`, a `Beginning` for each environment's running episode, and takes None as a
    seed, where any will do. To go on in the middle of a very long episode takes a moment then;
    without, it is played again as a whole.

    With an attribute `spectator`, None or called with every picture u8 [H, W, 3], and with
    `frames_per_second`, what was scored can be filmed.
    """

    frame: NDArray[Any]
    """[*frame]: what was shown last."""
    savable: bool
    """Whether `state_dict` would be all of its state now."""

    def begin(self, seed: int | None, frames: int) -> None:
        """Begin an episode as a `Beginning` says."""

    def step(self, action: int) -> Timestep:
        """The outcome of an action [1, ...]; no next episode begins by itself."""

    def state_dict(self) -> State:
        """All of its state."""

    def load_state_dict(self, state: State) -> None:
        """Take in what the user's own `state_dict` gave; raises StateError if it does not fit."""


class Rule(Protocol):
    """A learning rule: what a batch teaches, and which action an output prefers."""

    outputs: int
    """Numbers that a network gives per action."""
    implicit: Implicit | None
    """None, unless networks are asked for quantiles at fractions that are given to them."""
    target_update_every: int
    """How long it takes from one copy into the target network to the next."""
    target_update_unit: Literal["steps", "updates"]
    """What that is counted in: agent steps or gradient updates."""
    target_mix: float
    """Share of the online network in a copy, 1: all; less: a soft update."""
    random_target: bool
    """Whether the target network starts from weights of its own."""

    def values(self, output: Tensor) -> Tensor:
        """Action values f32 [B, A] of a network's output [B, A, outputs]; implicit: [B, A, N]."""

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        """The loss of each transition, and its priority in replay."""


class Policy(Protocol):
    """Who plays."""

    def act(
        self, observation: NDArray[np.generic], epsilon: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Actions i64 [N], and the values of the greedy ones f32 [N], NaN where it explored."""


class Replay(Protocol):
    """Transitions in, batches out."""

    nbytes: int
    """Memory in use."""
    full_nbytes: int
    """Memory in use once full, as far as can be told by now; what it grows by is the host's."""
    raw_nbytes: int
    """Memory of a full one, uncompressed."""

    def reset(self, frame: NDArray[np.generic]) -> None:
        """Start an episode in every environment with `frame` [N, *frame]."""

    def add(self, action: NDArray[np.int64], timestep: Timestep) -> None:
        """Store what `action` i64 [N] led to."""

    def sample(self) -> Batch:
        """A batch on the run's device."""

    def update(self, index: Tensor, priority: Tensor) -> None:
        """Take note of the priorities f32 [B], not negative, of the batch with that `index`.

        They are overwritten by the next update.
        """

    def state_dict(self) -> State:
        """All that must survive a restart."""

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError if it does not fit."""


class Evaluator(Protocol):
    """How an agent is scored."""

    every: int
    """Steps between evaluations during training; 0: only at the end."""
    epsilon: float
    num_envs: int
    max_frames: int | None
    """Emulator frames until an episode is cut; None: as in training. `env` sees to it."""

    def run(
        self, env: Env, policy: Policy, seed: int, between_steps: Callable[[], None]
    ) -> list[PlayedEpisode]:
        """The episodes, one or more; what `between_steps` raises ends it."""


class Tracker(Protocol):
    """Where numbers and checkpoints are sent besides the run directory.

    It may take films too, by a method `film(path, number)`: of the evaluation that row `number`
    will tell of, or with None of the one that is summarised.
    """

    def log(self, metrics: Mapping[str, float], number: int) -> None:
        """Send a row of metrics, the first of which has number 0; a number may come again."""

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Set figures that describe the whole run."""

    def checkpoint(self, files: list[Path], aliases: list[str]) -> None:
        """Send a checkpoint's files."""

    def close(self, exit_code: int) -> None:
        """Finish; `exit_code` tells how the run ended."""
