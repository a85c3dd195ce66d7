"""Draw the learning curve of runs over Dopamine's published ones.

    python benchmarks/learning_curve.py outputs/breakout/dqn/<run> --output docs/breakout_curve.png
    python benchmarks/learning_curve.py <run> <run> --published DQN-Adam 2024-nature:DQN \
        --output docs/ms_pacman_curve.png

All are mean returns of the training episodes that end within an iteration of 250,000 steps: each
run's own, and the range of the published runs of an agent of 2018, or of one of a later set. Runs
are drawn in finer steps, too. `--json FILE` writes the table.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import ConfigError
from dqn_experiments.reference import STEPS_PER_ITERATION, published_runs
from dqn_experiments.run.history import read_history
from dqn_experiments.run.stored import stored_config
from dqn_experiments.train.scoring import game_name

Floats = NDArray[np.float64]
ITERATION = f"{STEPS_PER_ITERATION:,}"
OURS = ("#1b4965", "#5fa8d3", "#62b6cb", "#0b2545")


class Run(NamedTuple):
    """A run's mean returns."""

    steps: Floats
    """f64 [points] at the ends of intervals."""
    returns: Floats
    """f64 [points] of the episodes that ended in them."""
    whole: Floats
    """f64 [iterations], the same of whole iterations."""


def mean_returns(run: Path, every: int) -> tuple[Floats, Floats]:
    """Steps at the end of each whole interval, and the mean return of the episodes ended in it."""
    steps, returns = read_history(run, ("step", "episode_return")).values()
    reached = steps[-1] + np.diff(steps, prepend=0).max()  # another episode goes on
    ends = np.arange(every, reached + 1, every, dtype=float)
    within = [returns[(steps > end - every) & (steps <= end)] for end in ends]
    some = np.array([len(part) > 0 for part in within], bool)
    return ends[some], np.array([part.mean() for part in within if len(part)])


def published(game: str, names: list[str]) -> Floats:
    """Returns f64 [runs, iterations] of all those agents; raises KeyError if there are none."""
    found = []
    for name in names:
        of, _, agent = name.rpartition(":")
        runs = published_runs(game, agent, of or "2018")
        if runs is None:
            raise KeyError(f"no published runs of {name} on {game}")
        found.append(runs)
    shortest = min(runs.shape[1] for runs in found)
    return np.concatenate([runs[:, :shortest] for runs in found])


def draw(runs: list[Run], theirs: Floats, title: str, output: Path) -> None:
    """Save the picture."""
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=150)
    end = max(run.steps[-1] for run in runs)
    shown = theirs[:, : int(np.ceil(end / STEPS_PER_ITERATION))]
    edges = np.arange(shown.shape[1] + 1) * STEPS_PER_ITERATION / 1e6
    low, mean, high = (
        np.append(each, each[-1:]) for each in (shown.min(0), shown.mean(0), shown.max(0))
    )
    label = f"range of {len(theirs)} published runs"
    axes.fill_between(edges, low, high, step="post", color="#f4a259", alpha=0.5, label=label)
    axes.step(edges, mean, where="post", color="#d9822b", label="their mean")
    for number, run in enumerate(runs):
        label = "this run" if len(runs) == 1 else f"run {number + 1}"
        colour = OURS[number % len(OURS)]
        axes.plot(run.steps / 1e6, run.returns, color=colour, linewidth=2, label=label)
        middles = (np.arange(len(run.whole)) + 0.5) * STEPS_PER_ITERATION / 1e6
        axes.plot(middles, run.whole, "o", color=colour, label=f"its mean of {ITERATION} steps")
    axes.set(xlabel="agent steps (millions)", ylabel="mean training return", title=title)
    axes.set_xlim(0, end / 1e6)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(output)


def main() -> None:
    """Read the runs, compare iteration by iteration, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--published", nargs="+", default=["DQN"], help="<agent> or <set>:<agent>")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--every", type=int, default=25_000, help="steps per point of a curve")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        game = game_name(stored_config(options.runs[0]))
        theirs = published(game, options.published)
        runs = [
            Run(*mean_returns(run, options.every), mean_returns(run, STEPS_PER_ITERATION)[1])
            for run in options.runs
        ]
    except (ConfigError, KeyError, IndexError) as error:
        parser.error(str(error))
    rows = []
    for at in range(max(len(run.whole) for run in runs)):
        until, column = (at + 1) * STEPS_PER_ITERATION, theirs[:, at]
        ours = [float(run.whole[at]) for run in runs if len(run.whole) > at]
        low, mean, high = float(column.min()), float(column.mean()), float(column.max())
        rows.append({"until": until, "runs": ours, "published": [low, mean, high]})
        told = ", ".join(f"{each:.2f}" for each in ours)
        print(f"to {until:,}: {told}; published {mean:.2f} ({low:.2f} to {high:.2f})")
    draw(runs, theirs, game.replace("_", " ").title(), options.output)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
