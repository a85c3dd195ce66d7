"""Linear annealing of exploration that ends for good, as in Clark et al. 2025."""

from dqn_experiments.config.constraints import Count, OptionalCount, UnitInterval
from dqn_experiments.schedule.linear import Linear


class LinearThenZero:
    """As `Linear`, but 0 after `off_after` agent steps: what a noisy network explores is left."""

    def __init__(
        self,
        *,
        start: UnitInterval,
        end: UnitInterval,
        steps: Count,
        delay: OptionalCount,
        off_after: Count,
    ) -> None:
        self._linear = Linear(start=start, end=end, steps=steps, delay=delay)
        self._off_after = off_after

    def __call__(self, step: int) -> float:
        """The value after `step` agent steps."""
        return self._linear(step) if step <= self._off_after else 0.0
