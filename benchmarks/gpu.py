"""Measure recipes on a GPU, and Stable-Baselines3 beside them.

    python benchmarks/gpu.py --seconds 60 --json gpu.json learning_starts=1_000_000

Overrides are those of all recipes; this one fills each replay memory first, at random. For each:
the complete loop's steps/s, how long its 50,000,000 steps would take, the milliseconds of an update
by itself, and how busy the GPU was. `--only nature_2015@64` measures one: a recipe, how many
environments, and after a blank overrides of its own. Where no number is named, a recipe plays as
many as it says.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from steps_per_second import started
from tqdm import tqdm

from dqn_experiments.config.compose import composed
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.train.session import Session

RECIPES = (
    *("nature_2015", "nature_2015@64", "nature_2015@64 overlap_updates=true"),
    *("btr", "btr overlap_updates=false", "dopamine_rainbow", "iqn"),
)
UPDATES = 200  # of those timed by themselves


@contextmanager
def gpu_busy() -> Iterator[list[float]]:
    """Shares of the time in which the GPU was at work, twice a second."""
    which = f"--id=GPU-{torch.cuda.get_device_properties().uuid}"
    asked = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    command = ["nvidia-smi", which, *asked]
    samples: list[float] = []
    with subprocess.Popen([*command, "-lms", "500"], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield samples
        finally:
            process.terminate()
            assert process.stdout
            samples += [float(line) / 100 for line in process.stdout if line.strip().isdigit()]


def timed(session: Session, seconds: float) -> tuple[int, float]:
    """Steps of the loop, and how long they took."""
    first, began = session.loop.step, time.perf_counter()
    while time.perf_counter() - began < seconds:
        session.advance()
    torch.cuda.synchronize()
    return session.loop.step - first, time.perf_counter() - began


def update_ms(session: Session) -> float:
    """Milliseconds of an update of one batch that is on the GPU, median."""
    batch, learner, taken = session.loop.replay.sample(), session.loop.learner, []
    for _ in range(UPDATES):
        torch.cuda.synchronize()
        began = time.perf_counter()
        learner.update(batch, session.loop.step)
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return 1e3 * statistics.median(taken)


def recipe(name: str, seconds: float, overrides: list[str]) -> dict[str, Any]:
    """What there is to tell of one."""
    chosen, *own = name.split()
    experiment, _, num_envs = chosen.partition("@")
    envs = [f"env.num_envs={num_envs}"] if num_envs else []
    torch.cuda.reset_peak_memory_stats()
    filling = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, torch_settings(None):
        said = [f"experiment={experiment}", "env.rom=breakout", *envs, *own, *overrides]
        if "delay" in composed(*said).schedule:
            said.append("schedule.delay=${learning_starts}")
        session = started(said, folder)
        filled = time.perf_counter() - filling
        with session.closed_at_the_end():
            with gpu_busy() as busy:
                steps, took = timed(session, seconds)
            single = update_ms(session)
            stored = len(session.loop.replay)  # type: ignore[arg-type]
    return {
        "steps_per_second": steps / took,
        "hours_of_50_million": 50e6 / (steps / took) / 3600,
        "update_ms": single,
        "gpu_busy": statistics.mean(busy) if busy else None,
        "stored": stored,
        "seconds_to_fill": filled,
        "gpu_gb": torch.cuda.max_memory_allocated() / 1e9,
    }


def stable_baselines3(seconds: float) -> dict[str, Any]:
    """Its DQN at the work of throughput.py: Adam, and a small replay memory."""
    from loops.stable_baselines3 import loop
    from loops.work import rate

    with loop("cuda") as advance:
        return {"steps_per_second": rate(advance, seconds)}


def main() -> None:
    """Parse the command line, measure one after the other, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", help="of all recipes")
    parser.add_argument("--only", action="append", help="stable_baselines3, or a recipe")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    for name in tqdm(options.only or [*RECIPES, "stable_baselines3"], disable=None):
        if name == "stable_baselines3":
            figures[name] = stable_baselines3(options.seconds)
        else:
            figures[name] = recipe(name, options.seconds, options.overrides)
        print(name, json.dumps(figures[name]), flush=True)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
