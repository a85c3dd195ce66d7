"""Measure the whole loop against Stable-Baselines3's, the notebook's, and what must be computed.

    python benchmarks/throughput.py --seconds 60 --json throughput.json --picture throughput.png
    python benchmarks/throughput.py --family

All do the same work: Breakout, batches of 32, an update every fourth step, the network of Mnih et
al. 2015, Adam. Each has a process of its own, which imports nothing of the others, and they take
turns, so that a machine's better and worse minutes are everyone's. The floor (`loops/floor.py`) is
the kernels of an update (what its layers compute forwards and backwards, bytes to floats, Adam) and
the emulator, and nothing else: not even acting.

`--seconds` is each one's time in all, once it learns; memories are filled first. One of ours learns
from as many samples a step in larger batches, which is another recipe. `--family` measures other
agents of ours beside the default one.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

TURN = 2.0  # seconds
QUARTILES = 0.25, 0.75

EIGHT = "ours", "env.num_envs=8"
GATHERED = *EIGHT, "buffer.batch_size=256", "update_every=32"
"""As many samples a step in fewer updates, which is another recipe."""

CONTESTANTS: dict[str, tuple[str, ...]] = {
    "ours": ("ours",),
    "ours, 8 environments": EIGHT,
    "ours, 8 environments, 256 every 32 steps": GATHERED,
    "Stable-Baselines3": ("stable_baselines3",),
    "the notebook": ("notebook",),
    "floor": ("floor",),
}
"""A module of `loops`, and overrides."""
UPDATE = {"an update of ours": ("update",)}
"""Whose steps are updates."""
ONE_THREAD = {"ours, one thread": ("ours", "cpu_threads=1")}
"""As a job has that shares two cores with another one."""
RAINBOW = (
    *("agent=c51", "agent.double=true", "network.dueling=true", "network.noisy_sigma=0.5"),
    *("buffer=prioritized", "buffer.n_step=3"),
)
FAMILY: dict[str, tuple[str, ...]] = {
    "ours": ("ours",),
    "ours, prioritized": ("ours", "buffer=prioritized"),
    "ours, c51": ("ours", "agent=c51"),
    "ours, iqn": ("ours", "agent=iqn"),
    "ours, the switches of Rainbow": ("ours", *RAINBOW),
    "ours, 8 environments": EIGHT,
    "ours, 8 environments, 256 every 32 steps": GATHERED,
}
BARS = {"ours": "#0072b2", "floor": "#9aa5ad"}
OTHERS = "#d55e00"


def contestant(name: str, turns: Connection) -> None:
    """Go on for as many seconds as one is told, again and again; tell steps/s."""
    from loops.work import rate

    module, *overrides = (CONTESTANTS | FAMILY | UPDATE | ONE_THREAD)[name]
    with import_module(f"loops.{module}").loop(*overrides) as advance:
        turns.send(None)
        while seconds := turns.recv():
            turns.send(rate(advance, seconds))


@contextmanager
def begun(target: Callable[..., None], *arguments: str) -> Iterator[Connection]:
    """This end of a process that waits for its turns; those begun side by side would disturb."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe()
    process = spawn.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    mine.recv()
    yield mine
    mine.send(None)
    process.join()  # or it would be killed while it tidies up


def measured(names: list[str], seconds: float) -> dict[str, NDArray[np.float64]]:
    """Steps/s of each in each of its turns; nobody always goes first."""
    turns = max(3, round(seconds / TURN))
    rates = {name: np.empty(turns) for name in names}
    with ExitStack() as processes:
        ends = {name: processes.enter_context(begun(contestant, name)) for name in names}
        for turn in tqdm(range(turns), "turns", disable=None):
            for name in np.roll(names, turn).tolist():
                ends[name].send(seconds / turns)
                rates[name][turn] = ends[name].recv()
    return rates


def figures(rates: dict[str, NDArray[np.float64]], against: str) -> dict[str, Any]:
    """Medians, quartiles, and medians of the ratios of turns side by side."""

    def over(one: str, other: str) -> float | None:
        if one not in rates or other not in rates:
            return None
        return float(np.median(rates[one] / rates[other]))

    (update,) = UPDATE
    steps = {name: each for name, each in rates.items() if name != update}
    return {
        "steps_per_second": {name: float(np.median(each)) for name, each in steps.items()},
        "quartiles": {name: np.quantile(each, QUARTILES).tolist() for name, each in steps.items()},
        f"over {against}": {name: over(name, against) for name in steps},
        "update_ms": 1e3 / float(np.median(rates[update])) if update in rates else None,
        "ours_over_sb3": over("ours", "Stable-Baselines3"),
        "ours_over_notebook": over("ours", "the notebook"),
        "share_of_floor": over("ours", "floor"),
    }


def draw(found: dict[str, Any], picture: Path) -> None:
    """A bar for each, with its quartiles."""
    import matplotlib  # here, as contestants need none of it

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(found["steps_per_second"])[::-1]
    medians = np.array([found["steps_per_second"][name] for name in names])
    low, high = np.array([found["quartiles"][name] for name in names]).T
    colours = [BARS.get(name.partition(",")[0], OTHERS) for name in names]
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(names) + 1), layout="constrained")
    axes.barh(names, medians, color=colours, xerr=(medians - low, high - medians), ecolor="#444f57")
    for at, median in enumerate(medians):
        axes.text(medians.max() * 0.01, at, f"{median:.0f}", va="center", color="white")
    axes.set_xlabel("agent steps a second, updates and all")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(picture, dpi=150)


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS | FAMILY)
    parser.add_argument("--family", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    names = options.only or list(FAMILY if options.family else CONTESTANTS | UPDATE)
    against = "ours" if options.family else "Stable-Baselines3"
    found = figures(measured(names, options.seconds), against)
    for name, median in found["steps_per_second"].items():
        low, high = found["quartiles"][name]
        ratio = found[f"over {against}"][name]
        times = f", {ratio:.2f} times {against} beside it" if ratio else ""
        print(f"{name}: {median:.0f} steps/s (quartiles {low:.0f} to {high:.0f}){times}")
    if found["share_of_floor"]:
        print(f"ours: {found['share_of_floor']:.2f} of the floor")
    if found["update_ms"]:
        print(f"an update of ours, while the next batch is read: {found['update_ms']:.1f} ms")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()
