"""Run directories as commands leave them, without training anything."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dqn_experiments.config.compose import composed
from dqn_experiments.run.stored import store_config

CARTPOLE = ("experiment=cartpole",)
ROW = "{step},{episode_return},10,0.1,nan,nan\n"


def leave_run(
    run_dir: Path,
    *overrides: str,
    returns: Sequence[float] = (1.0, 2.0, 3.0),
    every: int = 100,
    rows: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """A run whose episodes ended every so many steps, with rows of metrics."""
    run_dir.mkdir(parents=True, exist_ok=True)
    config = _composed(*(each for each in overrides if not each.startswith("seed=")))
    seeds = [int(each.removeprefix("seed=")) for each in overrides if each.startswith("seed=")]
    config.seed = seeds[-1] if seeds else 42
    store_config(run_dir, config)
    lines = [
        ROW.format(step=(at + 1) * every, episode_return=each) for at, each in enumerate(returns)
    ]
    header = "step,episode_return,episode_length,epsilon,loss,q\n"
    (run_dir / "history.csv").write_text(header + "".join(lines))
    (run_dir / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run_dir


_composed = cache(composed)  # which takes a while


def evaluated(step: int, mean: float, **more: float) -> dict[str, float]:
    """A row of metrics with a score."""
    return {"step": step, "evaluation/step": step, "evaluation/mean": mean} | {
        f"evaluation/{name}": value for name, value in more.items()
    }


def timed(step: int, rate: float) -> dict[str, float]:
    """A row of metrics with a speed."""
    return {"step": step, "perf/steps_per_second": rate}
