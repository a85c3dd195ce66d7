"""The commands as users run them: real games, real W&B files, and each once as a real process."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from dqn_experiments.commands import evaluate, watch
from tests.conftest import (
    QUICK_CARTPOLE,
    Command,
    Told,
    job_dir,
    metrics,
    started,
    wandb_records,
)


def wandb_rows(run_dir: Path) -> list[dict[str, float]]:
    """The history rows of a run's offline W&B files, without W&B's own keys."""
    rows = [record["item"] for record in wandb_records(run_dir, "history")]
    return [{key: row[key] for key in row if not key.startswith("_")} for row in rows]


@pytest.fixture(scope="module")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, made by the real command."""
    folder = tmp_path_factory.mktemp("cartpole")
    command = [sys.executable, "-m", "dqn_experiments", *QUICK_CARTPOLE, "hydra.run.dir=run"]
    environment = {**os.environ, "HOME": str(folder)}
    environment.pop("WANDB_API_KEY", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / "terminal").write_text(done.stdout)
    return folder / "run"


def test_the_log_has_the_lines_of_the_terminal(cartpole: Path) -> None:
    lines = (cartpole / "train.log").read_text().splitlines()
    assert lines
    assert set(lines) <= set((cartpole.parent / "terminal").read_text().splitlines())


def test_a_run_leaves_everything_in_its_directory(cartpole: Path) -> None:
    left = {path.name for path in cartpole.iterdir()}
    assert left >= {
        ".hydra",
        "config.yaml",
        "train.log",
        "history.csv",
        "metrics.jsonl",
        "checkpoints",
        "wandb",
    }
    evaluation = json.loads((cartpole / "evaluation.json").read_text())
    assert evaluation["step"] == 600
    assert len(evaluation["returns"]) == evaluation["episodes"] == 4
    assert evaluation["mean"] == pytest.approx(sum(evaluation["returns"]) / 4)


def test_history_has_a_row_for_every_episode(cartpole: Path) -> None:
    rows = list(csv.DictReader((cartpole / "history.csv").open()))
    assert sum(int(row["episode_length"]) for row in rows) <= 600
    assert int(rows[-1]["step"]) == sum(int(row["episode_length"]) for row in rows)
    assert all(float(row["episode_return"]) == float(row["episode_length"]) for row in rows)
    assert float(rows[0]["epsilon"]) == pytest.approx(
        1 - 0.98 * (int(rows[0]["step"]) - 1) / 10_000
    )


def test_wandb_files_hold_the_same_numbers(cartpole: Path) -> None:
    assert wandb_rows(cartpole) == metrics(cartpole)
    assert {key for row in metrics(cartpole) for key in row} >= {
        "frames",
        "step",
        "train/episode_return",
        "train/loss",
        "train/q",
        "perf/steps_per_second",
        "evaluation/mean",
    }


def test_wandb_run_can_be_told_apart_and_found_again(cartpole: Path) -> None:
    run = wandb_records(cartpole, "run")[0]
    assert run["display_name"].startswith("cartpole/double_dqn")
    assert run["project"] == "dqn_experiments"
    assert run["job_type"] == "train"
    assert run["config"]["update"]["optimizer"]["lr"] == 1e-3
    assert run["config"]["update"]["buffer"]["capacity"] == 20_000
    axes = [record.get("step_metric") for record in wandb_records(cartpole, "metric")]
    assert "frames" in axes
    aliases = [set(record["aliases"]) for record in wandb_records(cartpole, "artifact")]
    assert aliases == [{"step-600", "latest", "best"}]


def test_what_is_sent_of_a_checkpoint_is_what_it_takes_to_play(cartpole: Path) -> None:
    for sent in wandb_records(cartpole, "artifact"):
        names = {entry["path"] for entry in sent["manifest"]["contents"]}
        assert names == {"network.pt", "checkpoint.json"}


def test_the_score_after_training_is_the_score_during_training(
    cartpole: Path, command: Command
) -> None:
    before = json.loads((cartpole / "evaluation.json").read_text())
    done = command(f"run={cartpole}", module="dqn_experiments.evaluate")
    assert done.returncode == 0, done.stderr
    assert json.loads((cartpole / "evaluation.json").read_text()) == before
    assert f"mean {before['mean']:.4g}" in done.stdout
    assert "CartPole-v1, 600 steps, 4 episodes at epsilon 0.01" in done.stdout


def test_evaluating_adds_to_the_summary_of_the_same_wandb_run(cartpole: Path, told: Told) -> None:
    code, _, err = told(f"run={cartpole}", "episodes=2", command=evaluate.main)
    assert code == 0, err
    assert len({run["run_id"] for run in wandb_records(cartpole, "run")}) == 1
    mean = json.loads((cartpole / "evaluation.json").read_text())["mean"]
    summary: dict[str, object] = {}
    for record in wandb_records(cartpole, "summary"):
        summary |= record["update"]
    assert summary["evaluation/mean"] == mean
    assert summary["evaluation/human_normalized"] is None  # nor may an earlier one stay


def test_watching_leaves_a_film_that_browsers_play(cartpole: Path, command: Command) -> None:
    done = command(f"run={cartpole}", module="dqn_experiments.watch")
    assert done.returncode == 0, done.stderr
    film = (cartpole / "videos" / "step_600_seed_0.mp4").read_bytes()
    assert b"avc1" in film  # H.264
    assert film.index(b"moov") < film.index(b"mdat")  # starts playing before it is all there


def test_breakout_trains_and_is_scored_and_filmed(told: Told, tmp_path: Path) -> None:
    small = ["total_steps=300", "learning_starts=100", "buffer.capacity=1000", "network.hidden=16"]
    quick = ["evaluation.episodes=2", "evaluation.num_envs=2", "evaluation.epsilon=1.0"]
    code, _, err = told(
        "env=breakout",
        "optimizer.lr=2e-4",
        "agent=double_dqn",
        "network=dueling",
        "buffer=prioritized",
        "buffer.n_step=3",
        "env.num_envs=2",
        "tracker.mode=disabled",
        "hydra.run.dir=run",
        *small,
        *quick,
    )
    assert code == 0, err
    assert not (tmp_path / "run" / "wandb").exists()
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    expected = (evaluation["mean"] - 1.7) / (30.5 - 1.7)
    assert evaluation["human_normalized"] == pytest.approx(expected)
    rows = metrics(tmp_path / "run")
    assert rows[-1]["frames"] == 1200
    assert 0 < rows[-2]["perf/replay_gb"] < 1000 * 84 * 84 / 1e9
    assert "about " in (tmp_path / "run" / "train.log").read_text().partition("replay memory: ")[2]
    code, _, err = told("run=run", "epsilon=1.0", command=watch.main)
    assert code == 0, err
    assert (tmp_path / "run" / "videos" / "step_300_seed_0.mp4").stat().st_size > 10_000


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(command: Command, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = command(
            *QUICK_CARTPOLE, "tracker.mode=disabled", f"hydra.run.dir={name}", f"seed={seed}"
        )
        assert done.returncode == 0, done.stderr
    histories = [(tmp_path / name / "history.csv").read_text() for name in "abc"]
    assert histories[0] == histories[1] != histories[2]
    weights = [
        torch.load(tmp_path / name / "checkpoints/0000000600/network.pt", weights_only=True)
        for name in "ab"
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly(number: signal.Signals, code: int, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    endless = ("total_steps=1000000", "tracker.mode=offline", "hydra.run.dir=run")
    process = started(tmp_path, *QUICK_CARTPOLE, *endless)
    history = run_dir / "history.csv"
    deadline = time.monotonic() + 120
    while not (history.exists() and len(history.read_text().splitlines()) > 20):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert len(list((run_dir / "checkpoints").iterdir())) == 1
    assert [record["exit_code"] for record in wandb_records(run_dir, "exit")] == [code]


def test_a_silent_wandb_server_does_not_stop_a_run(command: Command, tmp_path: Path) -> None:
    silent = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "0" * 40}
    done = command(*QUICK_CARTPOLE, "hydra.run.dir=run", **silent)
    assert done.returncode == 0, done.stderr
    assert "W&B is offline (http://127.0.0.1:9 does not answer)" in done.stdout
    assert wandb_rows(tmp_path / "run") == metrics(tmp_path / "run")
    secret = "0" * 40
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_a_sweep_reports_a_failing_job_and_runs_the_others(told: Told, tmp_path: Path) -> None:
    code, out, _ = told(
        "-m",
        *QUICK_CARTPOLE,
        "optimizer.lr=1e-3,-1,2e-3",
        "tracker.mode=offline",
        "hydra.sweep.dir=sweep",
    )
    assert code == 2
    assert "job 1 failed: optimizer.lr=-1: must be greater than 0" in out
    for job in ("lr-0.001", "lr-0.002"):
        run_dir = job_dir(tmp_path / "sweep", job)
        assert (run_dir / "evaluation.json").is_file()
        run = wandb_records(run_dir, "run")[0]
        assert run["run_group"] == "sweep"
        assert run["display_name"].startswith("cartpole/double_dqn optimizer.lr=")


@pytest.mark.slow
def test_cartpole_is_solved(command: Command, tmp_path: Path) -> None:
    """A mean of 475 over many episodes is what gymnasium calls solved; the limit is 500."""
    run = ["experiment=cartpole", "tracker.mode=disabled", "evaluation.every=0"]
    done = command(*run, "evaluation.episodes=50", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert len(evaluation["returns"]) == 50
    assert evaluation["mean"] >= 475


def test_help_and_config_answer_without_torch() -> None:
    code = """
import runpy, sys
from contextlib import redirect_stdout, suppress
from io import StringIO
for arguments in (["--help"], ["--cfg", "job"]):
    for module in ("dqn_experiments", "dqn_experiments.evaluate", "dqn_experiments.watch"):
        sys.argv = ["command", *arguments]
        with redirect_stdout(StringIO()) as told, suppress(SystemExit):
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        assert told.getvalue(), sys.argv
        assert not {"torch", "wandb", "gymnasium", "pydantic"} & set(sys.modules), sys.argv
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tab_completion_lists_the_games() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dqn_experiments", "-sc", "query=bash"],
        env={**os.environ, "COMP_LINE": "dqn_experiments env=po", "COMP_POINT": "99"},
        capture_output=True,
        text=True,
    )
    assert {"env=pong", "env=pooyan"} <= set(done.stdout.split()), done.stderr
    assert "env=breakout" not in done.stdout.split()
