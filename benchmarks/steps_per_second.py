"""Compare the training speed of two settings, which take turns in one process.

    python benchmarks/steps_per_second.py buffer.compression=zstd buffer.compression=none \
        env=breakout buffer.capacity=100_000

The first two arguments are the settings (several overrides of one are separated by blanks), all
others hold for both. On a shared machine two runs of the same setting differ by more than most
settings do; here each turn is held against the other setting's turn beside it. What holds for the
whole process cannot be compared: cpu_threads and deterministic.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dqn_experiments.config.compose import composed
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.machine.interrupt import Interrupt
from dqn_experiments.train.session import Session

WARM_UP = 1_000  # steps with updates that do not count


def started(overrides: list[str], folder: str) -> Session:
    """A run whose replay memory is filled at random and which has begun to learn."""
    own = ["total_steps=10_000_000", "tracker.mode=disabled", "checkpoint.every=0"]
    config = composed(*own, "evaluation.every=0", *overrides)
    run_dir = Path(tempfile.mkdtemp(dir=folder))
    session = Session(config, TrackedRun(run_dir, {}, ""), Interrupt())
    session.begin(None)
    advance(session, config.learning_starts + WARM_UP)
    return session


def advance(session: Session, steps: int) -> float:
    """Seconds a step, over so many or the next multiple of the environments."""
    first, began = session.loop.step, time.perf_counter()
    while session.loop.step < first + steps:
        session.advance()
    return (time.perf_counter() - began) / (session.loop.step - first)


def median(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """The median, and its 95% confidence interval from order statistics."""
    ordered, half = np.sort(values), len(values) / 2
    off = 0.98 * math.sqrt(len(values))
    low, high = max(0, round(half - off)), min(len(values) - 1, round(half + off))
    return float(np.median(values)), float(ordered[low]), float(ordered[high])


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("settings", nargs=2, metavar="SETTING")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--turns", type=int, default=200, help="of each setting")
    parser.add_argument("--steps", type=int, default=100, help="of a turn")
    options = parser.parse_args()
    threads = composed(*options.overrides).cpu_threads
    with tempfile.TemporaryDirectory() as folder, torch_settings(threads):
        runs = [
            started([*options.overrides, *setting.split()], folder) for setting in options.settings
        ]
        seconds = np.empty((options.turns, 2))
        for turn in tqdm(range(options.turns), "turns", disable=None):
            for setting in (0, 1) if turn % 2 else (1, 0):
                seconds[turn, setting] = advance(runs[setting], options.steps)
        for run in runs:
            with run.closed_at_the_end():
                pass
    for setting, each in zip(options.settings, seconds.T, strict=True):
        print(f"{setting}: {1 / np.median(each):.1f} steps/s in the median of its turns")
    ratio, low, high = median(seconds[:, 1] / seconds[:, 0])
    print(
        f"first over second, median of turns side by side: {ratio:.3f} "
        f"(95% confidence {low:.3f} to {high:.3f})"
    )


if __name__ == "__main__":
    main()
