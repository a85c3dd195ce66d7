"""What is read of run directories, whole and damaged ones."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dqn_experiments.comparison.runs import find_runs, read_run
from dqn_experiments.errors import ConfigError
from dqn_experiments.machine import source
from tests.comparison.making import CARTPOLE, evaluated, leave_run, timed
from tests.conftest import ROOT

FROZEN = ROOT / "tests" / "frozen" / "0.2.0"


def test_runs_are_found_at_any_depth_and_each_once(tmp_path: Path) -> None:
    runs = [leave_run(tmp_path / name, *CARTPOLE) for name in ("a", "sweep/0", "sweep/lr=1,2/1")]
    (tmp_path / "sweep" / "multirun.yaml").write_text("hydra: {}\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("defaults: []\n")  # a person's own
    (runs[0] / "checkpoints" / "0000000100").mkdir(parents=True)
    shutil.copy(runs[0] / "config.yaml", runs[0] / "checkpoints" / "0000000100")
    (tmp_path / "link").symlink_to(runs[0])
    assert find_runs([tmp_path, tmp_path / "sweep", runs[0], tmp_path / "link"]) == sorted(runs)
    with pytest.raises(ConfigError, match="nowhere: must be a run directory or a folder"):
        find_runs([tmp_path / "nowhere"])


def test_a_run_is_read_as_it_is(tmp_path: Path) -> None:
    rows = [timed(100, 50.0), evaluated(200, 7.0), timed(300, 25.0), evaluated(300, 5.0)]
    run = read_run(leave_run(tmp_path / "run", *CARTPOLE, "seed=3", returns=(1, 2, 4), rows=rows))
    assert (run.game, run.seed, run.step, run.frames_per_step) == ("CartPole-v1", 3, 300, 1)
    assert run.returns.tolist() == [1, 2, 4]
    assert run.score is not None
    assert (run.score.final, run.score.best, run.score.normalized) == (5, 7, None)
    assert run.score.protocol == "50 episodes, epsilon 0.01"
    assert run.gaps == ()
    # 100 steps in 2 seconds, 200 in 8, and what follows as fast as the last
    hours = run.hours(np.array([0.0, 50, 100, 200, 300, 400]))
    np.testing.assert_allclose(hours * 3600, [0, 1, 2, 6, 10, 14])


@pytest.mark.parametrize("game", ["breakout", "cartpole"])
def test_a_run_of_an_earlier_version_is_read_with_what_it_did(game: str, tmp_path: Path) -> None:
    run = read_run(FROZEN / game)
    assert run.config["augmentation"] == {"_option_": "none"}
    assert run.config["network"]["layer_norm"] is False
    assert "${" not in json.dumps(run.config)
    assert run.score is not None
    assert run.score.protocol == "training, last 100 episodes"


def test_a_score_is_by_the_protocol_of_the_run(tmp_path: Path) -> None:
    rows = [evaluated(300, 5.0, training_return=12.0, human_normalized=0.5)]
    dopamine = read_run(leave_run(tmp_path / "a", "protocol=dopamine", "env.noop_max=1", rows=rows))
    assert dopamine.score is not None
    assert dopamine.score.final == 12
    assert dopamine.score.normalized == pytest.approx((12 - 1.7) / (30.5 - 1.7))
    assert dopamine.score.protocol == "dopamine, but env.noop_max=1"
    nature = read_run(leave_run(tmp_path / "b", "protocol=nature", rows=rows)).score
    assert nature is not None
    assert (nature.final, nature.normalized) == (5, 0.5)
    assert nature.protocol == "nature; humans who played 5 minutes"


def test_a_score_that_came_after_training_counts_where_there_is_no_other(tmp_path: Path) -> None:
    run_dir = leave_run(tmp_path / "run", *CARTPOLE)
    scored = {"mean": 9.0, "episodes": 3, "epsilon": 0.0, "max_frames": 500, "protocol": None}
    (run_dir / "evaluation.json").write_text(json.dumps(scored))
    score = read_run(run_dir).score
    assert score is not None
    assert (score.final, score.protocol) == (9, "3 episodes, epsilon 0.0, 500 frames")


def test_a_last_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    run_dir = leave_run(tmp_path / "run", *CARTPOLE, rows=[evaluated(200, 7.0)])
    with (run_dir / "history.csv").open("a") as history:
        history.write("400,9")
    with (run_dir / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 400, "evaluation/step": 400, "evaluation/me')
    run = read_run(run_dir)
    assert run.returns.tolist() == [1, 2, 3]
    assert run.score is not None
    assert run.score.final == 7
    assert run.gaps == ()


@pytest.mark.parametrize(
    ("name", "content", "gap"),
    [
        ("history.csv", None, "history.csv: must be the history of a run; there is no such file"),
        ("history.csv", b"", "history.csv: must be the history of a run (its columns are )"),
        ("history.csv", b"step,episode_return\n", "no episode has ended yet"),
        ("history.csv", b"step,episode_return\n1,x\n", "history.csv: must be the history of a run"),
        ("history.csv", b"step,episode_return\n1\n", "history.csv: must be the history of a run"),
        ("history.csv", b"\xff\x00\n\n", "history.csv: must be the history of a run"),
        ("history.csv", b"step,episode_return\n1,nan\n2,inf\n-1,1\n1e300,1\n4,1e300\n", "5 rows"),
    ],
)
def test_what_a_history_lacks_is_told(
    name: str, content: bytes | None, gap: str, tmp_path: Path
) -> None:
    run_dir = leave_run(tmp_path / "run", *CARTPOLE)
    (run_dir / name).unlink()
    if content is not None:
        (run_dir / name).write_bytes(content)
    run = read_run(run_dir)
    assert run.score is None
    assert gap in run.gaps[0]
    assert str(tmp_path) not in run.gaps[0]


HOSTILE = (
    b'{"evaluation/step": 1, "evaluation/mean": 5, "step": "now"}\n'
    b'{"evaluation/step": 1, "evaluation/mean": 5, "step": [1]}\n'
    b'["evaluation/step"]\n"evaluation/step"\n{"evaluation/step"\n'
    b'{"perf/steps_per_second": 1e400, "step": 1e400}\n' + b'{"a":' * 3000 + b'"evaluation/step"\n'
)


def test_rows_that_make_no_sense_are_counted_and_passed_over(tmp_path: Path) -> None:
    rows: list[dict[str, float]] = [
        timed(100, float("nan")),
        timed(100, -1),
        timed(100, 0),
        {"step": True, "perf/steps_per_second": 3},
        evaluated(250, float("inf")),
        evaluated(260, 10**400),
        {"step": 10**400, "evaluation/step": 1, "evaluation/mean": 1},
    ]
    run_dir = leave_run(tmp_path / "run", *CARTPOLE, rows=rows)
    with (run_dir / "metrics.jsonl").open("ab") as metrics:
        metrics.write(HOSTILE)
    run = read_run(run_dir)
    assert len(run.rates) == 0
    assert run.score is not None
    assert run.score.protocol == "training, last 100 episodes"
    assert run.gaps == ("metrics.jsonl: 9 lines cannot be read",)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    run_dir = leave_run(tmp_path / "run", *CARTPOLE)
    for name in ("history.csv", "metrics.jsonl", "evaluation.json"):
        (run_dir / name).unlink(missing_ok=True)
        os.mkfifo(run_dir / name)
    assert read_run(run_dir).score is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version: 0.2.0", "version: 9.0.0", "was written by version 9.0.0"),
        ("version: 0.2.0", "", "was written by an unreleased version"),
        ("rom: breakout", "rom: ${oc.env:HOME}", "must be a run's config in plain values"),
        ("seed: 42", "seed: [&a 1, *a]", "cannot be read as yaml"),
        ("seed: 42", "seed: !!python/object/apply:os.system [echo]", "cannot be read as yaml"),
    ],
)
def test_a_config_that_cannot_be_read_is_refused(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    run_dir = shutil.copytree(FROZEN / "breakout", tmp_path / "run")
    config = (run_dir / "config.yaml").read_text()
    assert old in config
    (run_dir / "config.yaml").write_text(config.replace(old, new))
    with pytest.raises(ConfigError, match=told):
        read_run(run_dir)


def test_a_component_of_a_package_that_is_not_here_is_no_obstacle(tmp_path: Path) -> None:
    run_dir = leave_run(tmp_path / "run", *CARTPOLE)
    config = (run_dir / "config.yaml").read_text()
    foreign = config.replace("agent:\n  _option_: dqn", "agent:\n  _target_: gone.agents.Mine")
    assert foreign != config
    (run_dir / "config.yaml").write_text(foreign)
    assert read_run(run_dir).config["agent"]["_target_"] == "gone.agents.Mine"


def without_commit(run_dir: Path) -> None:
    lines = (run_dir / "config.yaml").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("commit: ")]
    (run_dir / "config.yaml").write_text("".join(kept))


def test_the_commit_is_what_the_run_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(source.ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    noted = read_run(leave_run(tmp_path / "run", *CARTPOLE)).commit
    assert noted is None if not head else str(noted).removesuffix("-dirty") == head[:10]
    monkeypatch.setattr(source, "ROOT", tmp_path)
    source.commit.cache_clear()
    assert read_run(leave_run(tmp_path / "installed", *CARTPOLE)).commit is None
    source.commit.cache_clear()


def test_else_the_commit_is_what_wandb_noted(tmp_path: Path) -> None:
    run_dir = leave_run(tmp_path / "run", *CARTPOLE)
    without_commit(run_dir)
    assert read_run(run_dir).commit is None
    for day, commit in (("20260101", "a" * 40), ("20260102", "b" * 40)):
        files = run_dir / "wandb" / f"run-{day}_000000-x" / "files"
        files.mkdir(parents=True)
        (files / "wandb-metadata.json").write_text(json.dumps({"git": {"commit": commit}}))
    assert read_run(run_dir).commit == "b" * 10
