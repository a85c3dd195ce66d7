"""Runs that are killed, and end as if they had not been. Real processes, real signals."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dqn_experiments.config.compose import composed
from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.run import checkpoint
from dqn_experiments.run.ownership import owned
from dqn_experiments.run.stored import stored_config
from dqn_experiments.train.start import train
from tests.conftest import (
    QUICK_CARTPOLE,
    Told,
    metrics,
    newest_step,
    started,
    wait_for_a_checkpoint,
    wandb_records,
)

CARTPOLE = (
    *QUICK_CARTPOLE,
    "total_steps=3000",
    "checkpoint.every=500",
    "evaluation.every=1000",
    "tracker.mode=disabled",
)
BREAKOUT = (
    "env=breakout",
    "env.num_envs=2",
    "buffer=prioritized",
    "buffer.n_step=3",
    "buffer.capacity=700",  # wraps
    "network.hidden=16",
    "total_steps=2000",
    "learning_starts=300",
    "checkpoint.every=250",
    "evaluation.episodes=2",
    "evaluation.num_envs=2",
    "evaluation.max_frames=400",
    "tracker.mode=disabled",
)


def assert_same_run(found: Path, expected: Path) -> None:
    assert (found / "history.csv").read_bytes() == (expected / "history.csv").read_bytes()
    steps = [each.step for each in checkpoint.available(expected)]
    assert [each.step for each in checkpoint.available(found)] == steps
    weights = [checkpoint.find(each, "latest").weights() for each in (found, expected)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[1])
    lines = [(each / "metrics.jsonl").read_text().splitlines() for each in (found, expected)]
    assert [row for row in lines[0] if "perf/" not in row] == [
        row for row in lines[1] if "perf/" not in row
    ]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of CartPole."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    finish(folder, CARTPOLE)
    yield folder / "run"
    shutil.rmtree(folder)


def finish(folder: Path, overrides: tuple[str, ...]) -> None:
    process = started(folder, *overrides, "hydra.run.dir=run")
    assert process.wait() == 0, process.communicate()


def kill_and_go_on(folder: Path, overrides: tuple[str, ...], kills: int) -> None:
    arguments = (*overrides, "hydra.run.dir=run")
    moments = random.Random(kills)
    for _ in range(kills):
        process = started(folder, *arguments)
        wait_for_a_checkpoint(process, folder / "run")
        time.sleep(moments.random() * 0.3)
        process.kill()
        assert process.wait() == -signal.SIGKILL, process.communicate()
    finish(folder, overrides)


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_killed_at_any_moment_ends_with_the_same_bits(
    kills: int, uninterrupted: Path, tmp_path: Path
) -> None:
    kill_and_go_on(tmp_path, CARTPOLE, kills)
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.mark.slow
def test_so_does_a_killed_run_of_an_emulator(tmp_path: Path) -> None:
    for folder in ("uninterrupted", "killed"):
        (tmp_path / folder).mkdir()
    finish(tmp_path / "uninterrupted", BREAKOUT)
    kill_and_go_on(tmp_path / "killed", BREAKOUT, kills=1)
    assert_same_run(tmp_path / "killed" / "run", tmp_path / "uninterrupted" / "run")


def test_wandb_knows_all_of_a_run_that_was_killed(tmp_path: Path) -> None:
    """Under one id, each row once: W&B holds back rows that a killed process never writes."""
    arguments = [*CARTPOLE[:-1], "tracker.mode=offline", "hydra.run.dir=run"]
    process = started(tmp_path, *arguments)
    wait_for_a_checkpoint(process, tmp_path / "run")
    wait_for_a_checkpoint(process, tmp_path / "run")
    process.kill()
    assert process.wait() == -signal.SIGKILL, process.communicate()
    process = started(tmp_path, *arguments)
    assert process.wait() == 0, process.communicate()
    ids = {record["run_id"] for record in wandb_records(tmp_path / "run", "run")}
    assert len(ids) == 1
    rows: dict[int, dict[str, float]] = {}
    for row in (record["item"] for record in wandb_records(tmp_path / "run", "history")):
        rows.setdefault(row["_step"], {key: row[key] for key in row if not key.startswith("_")})
    found = [rows[number] for number in sorted(rows)]
    expected = metrics(tmp_path / "run")
    assert [row["step"] for row in found] == [row["step"] for row in expected]
    exact = [row for row in expected if "perf/replay_gb" not in row]
    assert [row for row in found if "perf/replay_gb" not in row] == exact


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGINT,),
        (signal.SIGTERM, signal.SIGTERM),  # make passes it on to a process that got it as well
        pytest.param((signal.SIGUSR1, signal.SIGTERM), marks=pytest.mark.slow),
        (signal.SIGUSR2, signal.SIGHUP, signal.SIGINT),
        pytest.param((signal.SIGHUP,), marks=pytest.mark.slow),
    ],
    ids=lambda signals: " ".join(number.name for number in signals),
)
def test_signals_are_followed_by_a_checkpoint_of_that_moment(
    signals: tuple[signal.Signals, ...], uninterrupted: Path, tmp_path: Path
) -> None:
    process = started(tmp_path, *CARTPOLE, "hydra.run.dir=run")
    wait_for_a_checkpoint(process, tmp_path / "run")
    since = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.02)
    while process.poll() is None:  # a scheduler that does not let go, until the very end
        process.send_signal(signals[-1] if len(signals) > 1 else signal.SIGTERM)
        time.sleep(0.02)
        assert time.monotonic() - since < 10
    assert process.returncode == 128 + signals[0], process.communicate()
    stopped_at = newest_step(tmp_path / "run")
    process = started(tmp_path, "resume=run")
    assert process.wait() == 0, process.communicate()
    log = (tmp_path / "run" / "train.log").read_text()
    assert f"going on from {tmp_path}/run/checkpoints/{stopped_at:010d}" in log
    history = (tmp_path / "run" / "history.csv").read_bytes()
    assert history == (uninterrupted / "history.csv").read_bytes()


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(
    uninterrupted: Path, tmp_path: Path
) -> None:
    process = started(tmp_path, *CARTPOLE, "hydra.run.dir=run")
    wait_for_a_checkpoint(process, tmp_path / "run")
    wait_for_a_checkpoint(process, tmp_path / "run")
    process.kill()
    assert process.wait() == -signal.SIGKILL, process.communicate()
    newest = tmp_path / "run" / "checkpoints" / f"{newest_step(tmp_path / 'run'):010d}"
    with (newest / "replay.state").open("r+b") as file:
        file.truncate(1000)
    process = started(tmp_path, *CARTPOLE, "hydra.run.dir=run")
    assert process.wait() == 0, process.communicate()
    log = (tmp_path / "run" / "train.log").read_text()
    assert f"{newest}: damaged: replay.state; must be as SHA256SUMS says; passed over" in log
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_finished_run_says_so_and_can_be_made_longer(
    uninterrupted: Path, told: Told, tmp_path: Path
) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    before = (tmp_path / "run" / "history.csv").read_bytes()
    code, out, err = told(*CARTPOLE, "hydra.run.dir=run")
    assert code == 0, err
    assert "finished after 3,000 steps; nothing is left to do" in out
    assert (tmp_path / "run" / "history.csv").read_bytes() == before
    began = (tmp_path / "run" / ".hydra" / "overrides.yaml").read_bytes()
    code, _, err = told("resume=run", "total_steps=3500", "evaluation.episodes=2")
    assert code == 0, err
    assert (tmp_path / "run" / ".hydra" / "overrides.yaml").read_bytes() == began
    assert (tmp_path / "run" / "history.csv").read_bytes().startswith(before)
    assert newest_step(tmp_path / "run") == 3500
    assert not (tmp_path / "outputs").exists()
    assert stored_config(tmp_path / "run").total_steps == 3500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{} hydra.run.dir=run optimizer.lr=0.5", "optimizer.lr=0.5: * holds a run with 0.001"),
        ("{} hydra.run.dir=run buffer.n_step=2", "buffer.n_step=2: * holds a run with 10"),
        (
            "resume=run seed=4",
            "seed=4: would make it another run (this has 42); what may change is total_steps, ",
        ),
        (
            "resume=run env=breakout",
            "env=breakout: would make it another run; what may change is total_steps, ",
        ),
        ("resume=run total_steps=0", "total_steps=0: must be greater than"),
        ("resume=nowhere", "resume=nowhere: must be a run directory; it has no config.yaml"),
        ("resume=empty", "resume=empty: must be a run directory; it has no config.yaml"),
    ],
)
def test_what_would_make_it_another_run_is_refused(
    arguments: str,
    message: str,
    uninterrupted: Path,
    told: Told,
    tmp_path: Path,
) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    (tmp_path / "empty").mkdir()
    before = {
        path: path.read_bytes()
        for path in (tmp_path / "run").rglob("*")
        if path.is_file() and path.name not in ("train.log", "lock")
    }
    code, _, err = told(*arguments.format(" ".join(CARTPOLE)).split())
    assert code == 2
    (line,) = err.splitlines()
    start, _, end = message.partition("*")
    assert line.startswith(f"error: {start}")
    assert end in line
    assert all(path.read_bytes() == content for path, content in before.items())


def test_two_runs_never_share_a_directory(tmp_path: Path) -> None:
    config = composed(*QUICK_CARTPOLE, "tracker.mode=disabled")
    with owned(tmp_path, "run_dir"):
        told = rf"in use by process {os.getpid()} on .*; must be another directory"
        with pytest.raises(ConfigError, match=told):
            train(config, tmp_path)
    (tmp_path / "lock").write_text("process 1 on a machine that is gone\n")  # nobody holds it
    train(config, tmp_path)
    assert checkpoint.find(tmp_path, "latest").step == 600


def test_a_full_disk_does_not_stop_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Checkpoints fail from step 200 to 500; the run goes on and the last one is written."""
    save = checkpoint.save

    def failing(directory: Path, step: int, *arguments: Any) -> Any:
        if 200 <= step < 500:
            raise OSError(28, "No space left on device")
        return save(directory, step, *arguments)

    monkeypatch.setattr(checkpoint, "save", failing)
    config = composed(*QUICK_CARTPOLE, "tracker.mode=disabled", "checkpoint.every=100")
    train(config, tmp_path)
    assert [each.step for each in checkpoint.available(tmp_path)] == [100, 500, 600]
    told = "step 300 cannot be written (No space left on device); the last good checkpoint is"
    assert told in caplog.text


def test_where_nothing_can_be_saved_the_run_ends_with_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(*_: Any) -> Any:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(checkpoint, "save", failing)
    config = composed(*QUICK_CARTPOLE, "tracker.mode=disabled")
    with pytest.raises(TrainingError, match=r"step 600 cannot be written \(Read-only file system"):
        train(config, tmp_path)
