"""Measure how long many runs take to be compared, and the memory that it takes.

    python benchmarks/compare.py --runs 50 --rows 50_000
    python benchmarks/compare.py --runs 1000 --rows 1_000 --json compare.json

Run directories are made up: real configs, and returns that rise with noise, on several games with
several learning rates and rules. `--keep DIR` leaves them there, to be looked at.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, product
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from tqdm import tqdm

from dqn_experiments.config.compose import composed
from dqn_experiments.reference import human_normalized
from dqn_experiments.run.stored import store_config

GAMES = ("breakout", "pong", "boxing", "freeway", "seaquest", "qbert")
AGENTS, RATES = ("dqn", "iqn"), (6.25e-5, 2.5e-4)
SCALE = {"breakout": 80, "pong": 30, "boxing": 90, "freeway": 30, "seaquest": 3000, "qbert": 8000}
START = {"pong": -21.0}
EVALUATION_EVERY = 20  # of the rows that say how fast it is


def recipes() -> Iterator[tuple[str, DictConfig, float]]:
    """Games, configs of all recipes, and how well each learns."""
    for game, (agent, rate) in product(GAMES, product(AGENTS, RATES)):
        config = composed(f"env={game}", f"agent={agent}", f"optimizer.lr={rate}")
        yield game, config, (1.0 if agent == "dqn" else 1.4) * (0.8 if rate < 1e-4 else 1.0)


def make(folder: Path, runs: int, rows: int, steps: int) -> None:
    """Leave so many run directories, with so many episodes each."""
    generator = np.random.default_rng(0)
    every = list(recipes())
    for number in tqdm(range(runs), "made", disable=None):
        game, config, skill = every[number % len(every)]
        config.seed = number // len(every) + 1
        config.total_steps = steps
        run_dir = folder / f"{number:04d}"
        run_dir.mkdir(parents=True)
        store_config(run_dir, config)
        write_history(run_dir, game, skill, rows, steps, generator)


def write_history(
    run_dir: Path, game: str, skill: float, rows: int, steps: int, generator: np.random.Generator
) -> None:
    """A learning curve with an evaluation now and then."""
    at = np.sort(generator.choice(steps, rows, replace=False)) + 1
    goal = SCALE[game] * skill * generator.uniform(0.8, 1.2)
    mean = START.get(game, 0.0) + goal * (1 - np.exp(-3 * at / steps))
    returns = np.round(mean + generator.normal(0, 0.25 * SCALE[game], rows))
    history = ["step,episode_return,episode_length,epsilon,loss,q"]
    metrics = []
    for step, score in zip(at.tolist(), returns.tolist(), strict=True):
        history.append(f"{step},{score},{200},{0.1},{0.0123456789},{1.23456789}")
        row = {"frames": 4 * step, "step": step, "train/episode_return": score}
        metrics.append(json.dumps({**row, "train/episode_length": 200, "train/loss": 0.0123456789}))
    for number in count(1):
        step = number * max(1, steps // 100)
        if step > steps:
            break
        metrics.append(json.dumps({"step": step, "perf/steps_per_second": 160.0}))
        if number % EVALUATION_EVERY == 0:
            score = float(np.interp(step, at, mean))
            normalized = human_normalized(game, score, "wang_2016")
            scored = {"evaluation/mean": score, "evaluation/human_normalized": normalized}
            metrics.append(json.dumps({"step": step, "evaluation/step": step, **scored}))
    (run_dir / "history.csv").write_text("\n".join(history) + "\n")
    (run_dir / "metrics.jsonl").write_text("\n".join(metrics) + "\n")


def main() -> None:
    """Parse the command line, make runs, compare them and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rows", type=int, default=50_000, help="episodes of each")
    parser.add_argument("--steps", type=int, default=10_000_000, help="agent steps of each")
    parser.add_argument("--keep", type=Path, help="where the runs are left")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary, "runs")
        make(folder, options.runs, options.rows, options.steps)
        output = Path(temporary, "comparison")
        command = [sys.executable, "-m", "dqn_experiments.compare", str(folder)]
        began = time.perf_counter()
        subprocess.run([*command, "--output", str(output)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9
    print(
        f"{options.runs:,} runs of {options.rows:,} rows: {seconds:.1f} s "
        f"({processor:.1f} s of processor time), {peak:.2f} GB"
    )
    if options.json:
        figures = {"runs": options.runs, "rows": options.rows, "seconds": seconds}
        figures |= {"processor_seconds": processor, "gb": peak}
        options.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
