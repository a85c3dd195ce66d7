"""What the tests share: running commands as a user does, and reading what they left."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

QUICK_CARTPOLE = (
    "experiment=cartpole",
    "total_steps=600",
    "learning_starts=100",
    "buffer.batch_size=16",
    "evaluation.every=0",
    "evaluation.episodes=4",
    "evaluation.num_envs=2",
)

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `python -m <module> <arguments>` in an empty folder, not logged in to W&B.

    Further keywords become environment variables.
    """

    def run(*arguments: str, module: str = "dqn_experiments", **variables: str) -> Any:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
        environment.pop("WANDB_API_KEY", None)
        environment.update(variables)
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def wandb_records(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind in a run's offline W&B files, as W&B's own reader prints them."""
    records = []
    for file in sorted(run_dir.glob("wandb/offline-run-*/*.wandb")):
        reader = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
        lines = subprocess.run(reader, capture_output=True, text=True, check=True).stdout
        records += [json.loads(line) for line in lines.splitlines() if line]
    return [record[kind] for record in records if record["type"] == kind]


def metrics(run_dir: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.jsonl."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
