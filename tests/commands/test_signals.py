"""Signals to whole commands, at any moment of theirs and under a real launcher."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from dqn_experiments.run import checkpoint
from tests.conftest import QUICK_CARTPOLE, newest_step

SWEEP = (*QUICK_CARTPOLE, "total_steps=4000", "checkpoint.every=0", "tracker.mode=disabled")
ONLY_JOB = "buffer.batch_size-16+experiment-cartpole+learning_starts-100"
SUBMITIT = ("-m", "hydra/launcher=submitit_local", "hydra.sweep.dir=sweep", *SWEEP)


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dqn_experiments", *arguments],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("after", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_there_is_anything_to_lose_ends_it_without_a_word(
    number: signal.Signals, after: float, tmp_path: Path
) -> None:
    process = command(tmp_path, *SWEEP, "hydra.run.dir=run")
    time.sleep(after)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert told == ""


def job_processes(sweep: psutil.Process) -> list[psutil.Process]:
    return [
        process
        for process in sweep.children(recursive=True)
        if "submitit.core._submit" in process.cmdline()
    ]


def wait_for_steps(process: subprocess.Popen[str], run_dir: Path) -> None:
    history, deadline = run_dir / "history.csv", time.monotonic() + 120
    while not (history.exists() and len(history.read_bytes()) > 500):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_pre_empted_job_of_submitit_is_queued_again_and_loses_nothing(tmp_path: Path) -> None:
    """SIGUSR2 is what submitit waits for; SIGTERM, which Slurm may send first, it lets pass."""
    alone = command(tmp_path, *SWEEP, "hydra.run.dir=alone")
    assert alone.wait(timeout=120) == 0, alone.communicate()
    process = command(tmp_path, *SUBMITIT)
    wait_for_steps(process, tmp_path / "sweep" / ONLY_JOB)
    (job,) = job_processes(psutil.Process(process.pid))
    job.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    job.send_signal(signal.SIGUSR2)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    log = (tmp_path / "sweep" / ONLY_JOB / "train.log").read_text()
    assert log.count("stopping after") in (1, 2)  # each signal by itself, or both at once
    assert log.count("going on from") == 1
    runs = tmp_path / "alone", tmp_path / "sweep" / ONLY_JOB
    weights = [checkpoint.find(run, "latest").weights() for run in runs]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_sweep_of_submitit_that_is_told_to_stop_stops_its_jobs(tmp_path: Path) -> None:
    process = command(tmp_path, *SUBMITIT, "total_steps=100000")
    wait_for_steps(process, tmp_path / "sweep" / ONLY_JOB)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert told == "SIGTERM: the sweep is stopped; the same command goes on\n"
    assert newest_step(tmp_path / "sweep" / ONLY_JOB) > 0
