"""Learning rates of CartPole by successive halving and by the full grid: the same winner for less?

    python benchmarks/halving.py --seeds 3

Both train every learning rate with the same seeds. Told are the winners by the mean of the final
evaluations, the agent steps that were trained, and whether the winner of halving, which was paused
at rungs, has the weights and the history of the grid's run, which was not. `--json FILE` writes the
figures.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from reliability import result

from dqn_experiments.ledger.rows import Row, best, rows_of_sweep

RATES = "1e-5,3e-5,1e-4,3e-4,1e-3,3e-3,1e-2,3e-2,1e-1"
SEED = 42
COMMON = ("experiment=cartpole", "evaluation.every=0", "tracker.mode=disabled")


def sweep(folder: Path, *overrides: str) -> list[Row]:
    """Run a sweep into a folder, with its output into a file beside it."""
    command = [sys.executable, "-m", "dqn_experiments", "-m", *COMMON, *overrides]
    with folder.with_suffix(".log").open("w") as log:
        subprocess.run(
            [*command, f"optimizer.lr={RATES}", f"hydra.sweep.dir={folder}"],
            check=True,
            stdout=log,
            stderr=log,
        )
    return rows_of_sweep(folder)


def winner(rows: list[Row]) -> dict[str, Any]:
    """The learning rate of the highest mean score."""
    group = best(rows)
    assert group is not None
    return {"lr": float(dict(group.differs)["optimizer.lr"]), "score": group.mean}


def main() -> None:
    """Run both and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="runs of each learning rate")
    parser.add_argument("--steps", type=int, default=40_000, help="of a whole run")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place, total = Path(folder), f"total_steps={arguments.steps}"
        seeds = f"seed=range({SEED},{SEED + arguments.seeds})"
        grid = sweep(place / "grid", total, seeds)
        one_by_one = ("hydra/sweeper=halving", "hydra/sweeper/sampler=grid", f"seed={SEED}")
        halving = sweep(
            place / "halving", total, *one_by_one, f"hydra.sweeper.seeds={arguments.seeds}"
        )
        finished = [row.job for row in halving if row.status.name == "finished"]
        steps = [sum(row.status.step for row in rows) for rows in (grid, halving)]
        figures = {
            "grid": {"winner": winner(grid), "steps": steps[0]},
            "halving": {"winner": winner(halving), "steps": steps[1]},
            "same_winner": winner(grid) == winner(halving),
            "steps_ratio": steps[1] / steps[0],
            "finished_runs": len(finished),
            "finished_as_if_never_paused": all(
                result(place / "grid" / job) == result(place / "halving" / job) for job in finished
            ),
        }
        for row in (*grid, *halving):
            print(f"{row.job}: {row.status.name}, {row.status.step:,} steps, {row.status.score}")
    print(json.dumps(figures, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
