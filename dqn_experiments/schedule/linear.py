"""Linear annealing, as the epsilon of Mnih et al. 2015."""

from dqn_experiments.constraints import Count, UnitInterval


class Linear:
    """From `start` to `end` in `steps` agent steps, then `end` for good."""

    def __init__(self, *, start: UnitInterval, end: UnitInterval, steps: Count) -> None:
        self._start, self._end, self._steps = start, end, steps

    def __call__(self, step: int) -> float:
        """The value after `step` agent steps."""
        remaining = max(0.0, 1 - step / self._steps)
        return self._end + (self._start - self._end) * remaining
