"""The runs of a search, each given to whoever is free."""

import itertools
import statistics
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from dqn_experiments.errors import ConfigError, StoppedError, TrainingError
from dqn_experiments.run.ownership import NotOursError
from dqn_experiments.search.halving import Halving, Leg

Overrides = list[str]


@dataclass
class _UnderWay:
    """A leg, and what has come of its runs, one for each seed."""

    leg: Leg
    number: int
    scores: list[float] = field(default_factory=list)
    failed: bool = False


def dispatch(
    halving: Halving,
    jobs_of: Callable[[Leg], list[Overrides]],
    launch: Callable[[Overrides, int], float],
    workers: int,
) -> None:
    """Run a search until there is nothing left to do.

    Args:
        halving: says which legs there are.
        jobs_of: the runs of a leg.
        launch: runs one, as the job of that number, and returns its score; is called from
            `workers` threads, from the caller's own if that is one.
        workers: how many run at once.

    Raises:
        StoppedError: on a signal; what is under way stays so.
        NotOursError: if a directory is another process's, or cannot be written.
    """
    waiting: deque[tuple[_UnderWay, Overrides]] = deque()
    running: dict[Future[float], _UnderWay] = {}

    def begin(leg: Leg) -> None:
        jobs = jobs_of(leg)
        runs = _UnderWay(leg, len(jobs))
        waiting.extend((runs, overrides) for overrides in jobs)

    for leg in halving.under_way():
        begin(leg)
    numbers = itertools.count()
    with _InTurn() if workers == 1 else ThreadPoolExecutor(workers) as pool:
        while True:
            while len(running) < workers:
                if not waiting and (next_leg := halving.next_leg()):
                    begin(next_leg)
                if not waiting:
                    break
                runs, overrides = waiting.popleft()
                if not runs.failed:
                    running[pool.submit(launch, overrides, next(numbers))] = runs
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                _take_in(halving, running.pop(done), done)


def _take_in(halving: Halving, runs: _UnderWay, done: Future[float]) -> None:
    try:
        runs.scores.append(done.result())
    except (StoppedError, NotOursError):
        raise
    except (ConfigError, TrainingError) as error:
        if not runs.failed:
            halving.failed(runs.leg, str(error))
        runs.failed = True
    if len(runs.scores) == runs.number:
        halving.reached(runs.leg, statistics.fmean(runs.scores))


class _InTurn(Executor):
    """Runs in the thread that asks, the only one that signals reach."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it now."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done
