"""The work that all loops do: how much of what, and for how long."""

import time
from collections.abc import Callable

BATCH, UPDATE_EVERY, LEARNING_RATE, DISCOUNT = 32, 4, 2e-4, 0.99
TARGET_EVERY = 1_200
EPSILON = 0.1
FILLED = 2_000  # steps until updates begin

Advance = Callable[[], int]
"""Go on a little; how many steps that was."""


def filled(advance: Advance) -> None:
    """Go on until updates have begun."""
    steps = 0
    while steps < FILLED + 1_000:
        steps += advance()


def rate(advance: Advance, seconds: float) -> float:
    """Steps/s over a turn."""
    steps, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        steps += advance()
    return steps / took
