"""Draw a run's learning curve over Dopamine's published one.

    python benchmarks/learning_curve.py outputs/breakout/dqn/<run> --output docs/breakout_curve.png

Both curves are mean returns of the training episodes that end within an iteration of steps, the
published one as mean, minimum and maximum over five runs. `--json FILE` writes the run's points.
"""

import argparse
import csv
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from dqn_experiments.errors import ConfigError
from dqn_experiments.reference import Curve, published_curve
from dqn_experiments.run.stored import stored_config
from dqn_experiments.train.scoring import game_name


def mean_returns(history: Path, every: int) -> tuple[list[int], list[float]]:
    """Steps at the end of each interval, and the mean return of the episodes that end in it."""
    with history.open(newline="") as file:
        rows = [(int(row["step"]), float(row["episode_return"])) for row in csv.DictReader(file)]
    if not rows:
        raise ValueError(f"{history}: no episode has ended yet")
    steps, returns = np.array(rows).T
    ends = np.arange(every, steps[-1] + every, every)
    within = {int(end): returns[(steps > end - every) & (steps <= end)] for end in ends}
    means = {end: float(part.mean()) for end, part in within.items() if len(part)}
    return list(means), list(means.values())


def draw(run: tuple[list[int], list[float]], published: Curve, title: str, output: Path) -> None:
    """Save the picture."""
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=150)
    steps = np.array([0, *published.steps]) / 1e6
    low, mean, high = ([part[0], *part] for part in (published.low, published.mean, published.high))
    label = "Dopamine DQN, range of 5 runs"
    axes.fill_between(steps, low, high, step="pre", color="#f4a259", alpha=0.5, label=label)
    axes.step(steps, mean, where="pre", color="#d9822b", label="Dopamine DQN, mean")
    axes.plot(np.array(run[0]) / 1e6, run[1], color="#1b4965", linewidth=2, label="this run")
    axes.set(xlabel="agent steps (millions)", ylabel="mean training return", title=title)
    axes.set_xlim(0, run[0][-1] / 1e6)
    shown = [
        high
        for step, high in zip(published.steps, published.high, strict=True)
        if step <= run[0][-1]
    ]
    axes.set_ylim(0, 1.1 * max([*run[1], *shown]))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(output)


def main() -> None:
    """Read the run, compare iteration by iteration, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--every", type=int, default=25_000, help="steps per point of the curve")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    try:
        game = game_name(stored_config(arguments.run))
        published = published_curve(game, "DQN")
        history = arguments.run / "history.csv"
        steps, ours = mean_returns(history, published.steps[0])
    except (ConfigError, KeyError, ValueError) as error:
        parser.error(str(error))
    print(f"{'steps':>10} {'this run':>9} {'Dopamine DQN: min':>18} {'mean':>6} {'max':>6}")
    theirs = dict(
        zip(
            published.steps,
            zip(published.low, published.mean, published.high, strict=True),
            strict=True,
        )
    )
    rows = [
        (step, mean, *theirs[step])
        for step, mean in zip(steps, ours, strict=True)
        if step in theirs
    ]
    for row in rows:
        print("{:>10,} {:>9.2f} {:>18.2f} {:>6.2f} {:>6.2f}".format(*row))
    draw(
        mean_returns(history, arguments.every),
        published,
        game.replace("_", " ").title(),
        arguments.output,
    )
    if arguments.json:
        names = ("steps", "mean_return", "published_min", "published_mean", "published_max")
        arguments.json.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))


if __name__ == "__main__":
    main()
