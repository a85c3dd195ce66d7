"""Geometric annealing: the value shrinks by the same factor every step."""

from dqn_experiments.config.constraints import Count, PositiveUnit


class Exponential:
    """start * (end / start)^(step / steps) until it reaches `end`, then `end` for good."""

    def __init__(self, *, start: PositiveUnit, end: PositiveUnit, steps: Count) -> None:
        self._start, self._end, self._steps = start, end, steps

    def __call__(self, step: int) -> float:
        """The value after `step` agent steps."""
        return float(self._start * (self._end / self._start) ** min(1.0, step / self._steps))
