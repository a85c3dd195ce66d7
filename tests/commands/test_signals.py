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


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, 0.4),
        (signal.SIGTERM, 2.0),
        pytest.param(signal.SIGINT, 1.0, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 2.0, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 0.4, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 1.0, marks=pytest.mark.slow),
    ],
)
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


@pytest.mark.slow
def test_a_sweep_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does, and children inherit
    try:
        process = command(tmp_path, *SUBMITIT)
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for_steps(process, tmp_path / "sweep" / ONLY_JOB)
    os.killpg(process.pid, signal.SIGHUP)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert newest_step(tmp_path / "sweep" / ONLY_JOB) == 4000


def test_a_sweep_of_submitit_that_is_told_to_stop_stops_its_jobs(tmp_path: Path) -> None:
    process = command(tmp_path, *SUBMITIT, "total_steps=100000")
    wait_for_steps(process, tmp_path / "sweep" / ONLY_JOB)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert told == "SIGTERM: the sweep is stopped; the same command goes on\n"
    assert newest_step(tmp_path / "sweep" / ONLY_JOB) > 0


def test_the_command_of_a_sweep_on_slurm_ends_at_once_and_leaves_its_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With programs that take jobs and never run them; benchmarks/slurm.py has a real Slurm."""
    for program, line in (("sbatch", "Submitted batch job 1"), ("srun", ""), ("sacct", "")):
        (tmp_path / program).write_text(f"#!/bin/sh\necho {line}\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    process = command(tmp_path, "-m", "hydra/launcher=submitit_slurm", *SUBMITIT[2:])
    try:
        deadline = time.monotonic() + 60
        while not any((tmp_path / "sweep").glob(".submitit/1/*_submitted.pkl")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    fate = "its jobs run on, and when they have ended the same command does the rest"
    assert told == f"SIGINT: the sweep's command is ended; {fate}\n"
