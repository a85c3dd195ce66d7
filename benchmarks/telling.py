"""How much of a run's time goes into telling how it goes: its files, W&B offline, progress bar.

    python benchmarks/telling.py --steps 10_000

The default recipe on Breakout, once it learns; what follows are overrides. The bar is drawn only
where standard error is a terminal. What W&B's own process computes beside the run is told as a
share of one core.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import psutil
from loops.ours import learning
from steps_per_second import advance

from dqn_experiments.train.session import Session


class Clocked:
    """An object whose methods count the seconds that they take."""

    def __init__(self, timed: Any) -> None:
        self._timed = timed
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._timed, name)
        return self._clocked(found) if callable(found) else found

    def _clocked(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        return call


def computed_by_others() -> float:
    """Seconds of processor time of this process's children."""
    children = psutil.Process().children(recursive=True)
    return sum(sum(child.cpu_times()[:2]) for child in children)


def told(session: Session, steps: int) -> None:
    """Print the shares of so many steps."""
    record, progress = Clocked(session.record), Clocked(session.progress)
    session.record, session.progress = record, progress  # type: ignore[assignment]
    others, began = computed_by_others(), time.perf_counter()
    each = advance(session, steps)
    seconds = time.perf_counter() - began
    print(f"{1 / each:.0f} steps/s")
    for name, spent in (
        ("history.csv, log and W&B", record.seconds),
        ("progress", progress.seconds),
        ("W&B's own process, of one core", computed_by_others() - others),
    ):
        print(f"{name}: {spent / seconds:.2%} of the time")


def main() -> None:
    """Parse the command line, train, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_args()
    with learning("tracker.mode=offline", *options.overrides) as session:
        told(session, options.steps)


if __name__ == "__main__":
    main()
