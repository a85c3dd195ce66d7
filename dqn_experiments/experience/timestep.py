"""What N environments answer to N actions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Timestep:
    """The outcome of one action in each of N environments."""

    frame: NDArray[np.generic]
    """[N, *frame]: what the action led to; the episode's last frame where `done`."""
    reward: NDArray[np.float32]
    """f32 [N]: what is learned from (sign-clipped on Atari)."""
    score: NDArray[np.float32]
    """f32 [N]: the raw reward of the game, which is what gets logged."""
    terminal: NDArray[np.bool_]
    """bool [N]: nothing follows, so the value here is 0. A time limit is not terminal."""
    done: NDArray[np.bool_]
    """bool [N]: the episode is over, by termination or by a time limit."""
    first_frame: NDArray[np.generic]
    """[N, *frame]: the next episode's first frame where `done`, and `frame` elsewhere."""


class Beginning(NamedTuple):
    """How an episode of one environment began."""

    seed: int | None
    """Where all randomness comes from since then; None: from wherever that was before."""
    frames: int
    """Emulator frames before its first observation: an Atari game draws a number of no-ops."""
