"""Measure the whole loop against Stable-Baselines3's, the notebook's, and what must be computed.

    python benchmarks/throughput.py --seconds 60 --json throughput.json

All do the same work: Breakout, batches of 32, an update every fourth step, the network of Mnih et
al. 2015, Adam. Each has a process of its own, which imports nothing of the others, and they take
turns, so that a machine's better and worse minutes are everyone's. The floor (`loops/floor.py`) is
the kernels of an update (what its layers compute forwards and backwards, bytes to floats, Adam) and
the emulator, and nothing else: not even acting.

`--seconds` is each one's time in all, once it learns; memories are filled first.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

TURN = 2.0  # seconds
QUARTILES = 0.25, 0.75

CONTESTANTS: dict[str, tuple[str, ...]] = {
    "ours": ("ours",),
    "ours, 8 environments": ("ours", "env.num_envs=8"),
    "Stable-Baselines3": ("stable_baselines3",),
    "the notebook": ("notebook",),
    "floor": ("floor",),
}
"""A module of `loops`, and overrides."""


def contestant(name: str, turns: Connection) -> None:
    """Go on for as many seconds as one is told, again and again; tell steps/s."""
    from loops.work import rate

    module, *overrides = CONTESTANTS[name]
    with import_module(f"loops.{module}").loop(*overrides) as advance:
        turns.send(None)
        while seconds := turns.recv():
            turns.send(rate(advance, seconds))


def begun(target: Callable[..., None], *arguments: str) -> Connection:
    """This end of a process that waits for its turns; those begun side by side would disturb."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe()
    spawn.Process(target=target, args=(*arguments, theirs), daemon=True).start()
    theirs.close()
    mine.recv()
    return mine


def measured(names: list[str], seconds: float) -> dict[str, NDArray[np.float64]]:
    """Steps/s of each in each of its turns; nobody always goes first."""
    turns = max(3, round(seconds / TURN))
    rates, ends = {name: np.empty(turns) for name in names}, {}
    for name in names:
        ends[name] = begun(contestant, name)
    for turn in tqdm(range(turns), "turns", disable=None):
        for name in np.roll(names, turn).tolist():
            ends[name].send(seconds / turns)
            rates[name][turn] = ends[name].recv()
    for end in ends.values():
        end.send(None)
    return rates


def figures(rates: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Medians, quartiles, and ratios of turns side by side."""

    def over(one: str, other: str) -> float | None:
        if one not in rates or other not in rates:
            return None
        return float(np.median(rates[one] / rates[other]))

    return {
        "steps_per_second": {name: float(np.median(each)) for name, each in rates.items()},
        "quartiles": {name: np.quantile(each, QUARTILES).tolist() for name, each in rates.items()},
        "ours_over_sb3": over("ours", "Stable-Baselines3"),
        "ours_8_over_sb3": over("ours, 8 environments", "Stable-Baselines3"),
        "ours_over_notebook": over("ours", "the notebook"),
        "share_of_floor": over("ours", "floor"),
    }


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = figures(measured(options.only, options.seconds))
    baseline = found["steps_per_second"].get("Stable-Baselines3")
    for name, median in found["steps_per_second"].items():
        low, high = found["quartiles"][name]
        times = f", {median / baseline:.2f} times Stable-Baselines3" if baseline else ""
        print(f"{name}: {median:.0f} steps/s (quartiles {low:.0f} to {high:.0f}){times}")
    print(f"of the floor: {found['share_of_floor']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
