"""Measure what a run with default settings keeps of its speed beside others on the same cores.

    python benchmarks/sharing.py --seconds 60 --json sharing.json

Turns of one run alone, of two at once, of two with a thread each, as jobs of a sweep have on two
cores, and of one beside a process that keeps a core busy; each ratio is of turns that follow each
other. A turn counts from when a run has noticed who is there.
"""

import argparse
import json
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from throughput import ONE_THREAD, QUARTILES, begun, contestant
from tqdm import tqdm

TURN, NOTICED = 6.0, 3.0  # seconds
RATIOS = {
    "two": "two_over_one",
    "jobs": "two_with_a_thread_each_over_one",
    "beside": "beside_a_busy_core_over_alone",
}


def busy(turns: Connection) -> None:
    """Compute nothing of use for as long as one is told to."""
    turns.send(None)
    while seconds := turns.recv():
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        turns.send(0.0)


def rates(ends: list[Connection], seconds: float) -> list[float]:
    """Steps/s of all that go on at once."""
    for stretch in (NOTICED, seconds):
        for end in ends:
            end.send(stretch)
        found = [end.recv() for end in ends]
    return found


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="of each of the four")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    turns = max(3, round(options.seconds / TURN))
    seconds = options.seconds / turns
    figures: dict[str, list[float]] = {"alone": [], "two": [], "jobs": [], "beside": []}
    with ExitStack() as processes:
        runs = [begun(contestant, name) for name in ["ours"] * 2 + [*ONE_THREAD] * 2]
        one, other, *jobs = map(processes.enter_context, runs)
        burner = processes.enter_context(begun(busy))
        for _ in tqdm(range(turns), "turns", disable=None):
            figures["alone"] += rates([one], seconds)
            figures["two"].append(sum(rates([one, other], seconds)))
            figures["jobs"].append(sum(rates(jobs, seconds)))
            figures["beside"].append(rates([one, burner], seconds)[0])
    alone = np.array(figures["alone"])
    found = {"alone_steps_per_second": float(np.median(alone))}
    for name, key in RATIOS.items():
        ratio = np.array(figures[name]) / alone
        low, high = np.quantile(ratio, QUARTILES)
        found[key] = float(np.median(ratio))
        print(f"{key}: {found[key]:.2f} (quartiles {low:.2f} to {high:.2f})")
    print(f"alone: {found['alone_steps_per_second']:.0f} steps/s")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
