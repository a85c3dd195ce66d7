"""Linear annealing, as the epsilon of Mnih et al. 2015."""

from dqn_experiments.config.constraints import Count, OptionalCount, UnitInterval


class Linear:
    """`start` for `delay` agent steps, then to `end` in `steps` more, then `end` for good."""

    def __init__(
        self, *, start: UnitInterval, end: UnitInterval, steps: Count, delay: OptionalCount
    ) -> None:
        self._start, self._end, self._steps, self._delay = start, end, steps, delay

    def __call__(self, step: int) -> float:
        """The value after `step` agent steps."""
        remaining = max(0.0, 1 - max(0, step - self._delay) / self._steps)
        return self._end + (self._start - self._end) * remaining
