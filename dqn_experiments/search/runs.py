"""The runs of a trial, one for each seed."""

from collections.abc import Sequence
from dataclasses import dataclass

from dqn_experiments.search.halving import Leg
from dqn_experiments.search.space import as_overrides


@dataclass(frozen=True)
class Runs:
    """What the runs of all trials have in common."""

    shared: Sequence[str]
    """Overrides, but for the seed."""
    seeds: range
    total_steps: int

    def of(self, leg: Leg) -> list[list[str]]:
        """The overrides that make each of a trial's runs what it is."""
        values = [*self.shared, *as_overrides(leg.params)]
        return [[*values, f"seed={seed}"] for seed in self.seeds]

    def jobs(self, leg: Leg) -> list[list[str]]:
        """The same, to pause where the leg ends."""
        pause = [f"pause_at={leg.until}"] if leg.until < self.total_steps else []
        return [[*run, *pause] for run in self.of(leg)]
