"""Scores of a run's checkpoints."""

import os
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

import dqn_experiments as dqn
from dqn_experiments.commands import dashboard, evaluate, watch
from tests.conftest import ROOT, Told

FROZEN = ROOT / "tests" / "frozen" / "0.2.0"


def test_evaluate_tells_its_start_and_takes_a_limit(told: Told, tmp_path: Path) -> None:
    shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    arguments = ("run=run", "episodes=2", "max_frames=5", "track=false")
    code, out, err = told(*arguments, command=evaluate.main)
    assert code == 0, err
    first, last = out.splitlines()
    assert "evaluating after 600 steps: 2 episodes of at most 5 frames" in first
    assert last.endswith("5 steps an episode, 2 cut at 5 frames")


@pytest.mark.parametrize(
    ("hindrance", "told"),
    [
        (lambda run_dir: (run_dir / "notes").symlink_to("elsewhere"), "notes: must not be a link"),
        (lambda run_dir: os.mkfifo(run_dir / "pipe"), "pipe: must be a file, not a pipe"),
        (lambda run_dir: (run_dir / "lock").mkdir(), "lock cannot be written (Is a directory)"),
    ],
)
def test_a_score_that_cannot_be_left_in_a_directory_is_told_all_the_same(
    hindrance: object, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    hindrance(run_dir)  # type: ignore[operator]
    caplog.set_level("WARNING")
    assert dqn.evaluate(run_dir, episodes=1, max_frames=5, track=True).episodes == 1
    (line,) = caplog.messages
    assert told in line
    assert not (run_dir / "evaluation.json").exists()


def test_a_score_is_told_where_its_run_cannot_be_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that was tracked online, scored on a machine without a login."""
    run_dir = shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    config = (run_dir / "config.yaml").read_text()
    (run_dir / "config.yaml").write_text(re.sub("mode: .*", "mode: online", config))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    caplog.set_level("WARNING")
    assert dqn.evaluate(run_dir, episodes=1, max_frames=5, track=True).episodes == 1
    (line,) = caplog.messages
    assert line.startswith("tracker.mode=online: ")
    assert line.endswith("; the score is not added to the tracker")
    assert (run_dir / "evaluation.json").exists()


@pytest.mark.parametrize("command", [dashboard, evaluate, watch])
def test_help_explains_every_key(command: ModuleType, told: Told) -> None:
    code, out, err = told("--help", command=command.main)
    assert code == 0, err
    explained = (ROOT / "conf" / f"{command.__name__.rpartition('.')[2]}.yaml").read_text()
    first, *keys = explained.partition("\n\ndefaults:")[0].splitlines()
    assert first.removeprefix("# ") in out
    assert len(keys) > 4
    assert "\n".join(keys) in out
