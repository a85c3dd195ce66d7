"""What the replay memory hands to a learning rule, and what that makes of it."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B transitions, tensors on the run's device. K is the frame stack, n the n-step length.

    Termination and n are folded into `discount`, so a learning rule needs no case for either.
    """

    observation: Tensor
    """u8 or f32 [B, K, *frame]: frames t-K+1 .. t, oldest first."""
    action: Tensor
    """i64 [B]."""
    reward: Tensor
    """f32 [B]: discounted sum of the n rewards."""
    discount: Tensor
    """f32 [B]: gamma^n, or 0 where the n steps ended in a terminal state."""
    next_observation: Tensor
    """Like `observation`, n steps later."""
    weight: Tensor
    """f32 [B]: importance weight, 1 where sampling is uniform."""
    index: Tensor
    """i64 [B]: where the transition lives in the replay memory; on the CPU, as that is."""


class PerSample(NamedTuple):
    """What a learning rule makes of each transition of a batch."""

    loss: Tensor
    """f32 [B], with gradients to the online network."""
    priority: Tensor
    """f32 [B], not negative, without gradients: how much there was to learn."""
