"""No annealing."""

from dqn_experiments.config.constraints import UnitInterval


class Constant:
    """`value` at every step."""

    def __init__(self, *, value: UnitInterval) -> None:
        self._value = value

    def __call__(self, step: int) -> float:
        """The value after `step` agent steps."""
        return self._value
