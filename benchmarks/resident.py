"""Draw the resident memory of a run over its steps, from the first frame to long after it is full.

    python benchmarks/resident.py --output docs/resident.png -- env=breakout env.num_envs=8 \
        learning_starts=1_000_000 schedule.delay=1_000_000 total_steps=1_050_000

What comes after `--` are overrides of the run. `--json FILE` writes the points.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import psutil

Points = list[tuple[float, float]]


def watch(overrides: list[str], run_dir: Path) -> tuple[Points, Points]:
    """(steps, GB) of the process, and of its replay memory by its own account."""
    command = [sys.executable, "-m", "dqn_experiments", *overrides, f"hydra.run.dir={run_dir}"]
    process = subprocess.Popen(command)
    resident: Points = []
    replay: Points = []
    while process.poll() is None:
        time.sleep(1)
        rows = perf(run_dir)
        if len(rows) > len(replay):
            replay = [(row["step"], row["perf/replay_gb"]) for row in rows]
            try:
                used = psutil.Process(process.pid).memory_info().rss
            except psutil.NoSuchProcess:
                break
            resident.append((replay[-1][0], used / 1e9))
    if process.wait():
        sys.exit(f"the run failed with exit code {process.returncode}")
    if not resident:
        sys.exit("the run told nothing of its memory; lower log_every")
    return resident, replay


def perf(run_dir: Path) -> list[dict[str, float]]:
    """The rows of metrics.jsonl that tell of memory."""
    file = run_dir / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if '"perf/replay_gb"' in line]


def draw(resident: Points, replay: Points, output: Path) -> None:
    """Save the picture."""
    figure, axes = plt.subplots(figsize=(8, 4), dpi=150)
    for points, label, colour in (
        (resident, "the whole process", "#1b4965"),
        (replay, "its replay memory", "#d9822b"),
    ):
        steps, size = zip(*points, strict=True)
        axes.plot([step / 1e6 for step in steps], size, color=colour, label=label, linewidth=2)
    axes.set(xlabel="agent steps (millions)", ylabel="resident memory (GB)")
    axes.set_ylim(0)
    axes.set_xlim(0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(output)


def main() -> None:
    """Parse the command line, run, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        resident, replay = watch(options.overrides, Path(folder))
    draw(resident, replay, options.output)
    if options.json:
        points = {"resident_gb": resident, "replay_gb": replay}
        options.json.write_text(json.dumps(points) + "\n")


if __name__ == "__main__":
    main()
