"""Scores of a run's checkpoints."""

import shutil
from pathlib import Path

from tests.conftest import ROOT, Command

FROZEN = ROOT / "tests" / "frozen" / "0.2.0"


def test_evaluate_tells_its_start_and_takes_a_limit(command: Command, tmp_path: Path) -> None:
    shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    arguments = ("run=run", "episodes=2", "max_frames=5", "track=false")
    done = command(*arguments, module="dqn_experiments.evaluate")
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert "evaluating after 600 steps: 2 episodes of at most 5 frames" in first
    assert last.endswith("5 steps an episode, 2 cut at 5 frames")
