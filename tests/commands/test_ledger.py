"""A sweep is a ledger: the same command again does what is missing, and tells how all is."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from omegaconf import OmegaConf

from dqn_experiments.commands import sweep
from dqn_experiments.commands.ledger import SIDE_BY_SIDE, at_once
from dqn_experiments.run import checkpoint
from tests.commands.test_signals import ONLY_JOB
from tests.conftest import QUICK_CARTPOLE, Command, Told, newest_step, wait_for_a_checkpoint

SWEEP = (*QUICK_CARTPOLE, "tracker.mode=disabled", "hydra.sweep.dir=sweep")
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def test_the_same_command_does_what_is_missing(told: Told, tmp_path: Path) -> None:
    grid = ("-m", *SWEEP, "total_steps=200", "agent.loss=mse")
    code, out, err = told(*grid, "optimizer.lr=1e-3,1e30")
    assert code == 1
    last = err.splitlines()[-1]
    assert re.fullmatch(r"error: 1 of 2 jobs failed: .*the loss became (nan|inf).*", last)
    assert out.splitlines()[-1] == "2 jobs: 1 failed, 1 finished"

    code, out, err = told(*grid, "optimizer.lr=1e-3,1e30,2e-3")  # a grid that grew
    assert code == 1
    assert out.count("training on") == 1, "one job is finished, another failed before"
    assert out.count("nothing is left to do") == 1
    assert err.endswith("(failed before; retry_failed=true tries it again)")
    assert out.splitlines()[-1] == "3 jobs: 1 failed, 2 finished"

    code, out, _ = told(*grid, "optimizer.lr=1e30", "retry_failed=true")
    assert (code, out.count("training on")) == (1, 1)
    rows = list(csv.DictReader((tmp_path / "sweep" / "sweep.csv").open()))
    assert [row["status"] for row in rows] == ["failed", "finished", "finished"]
    for row in rows[1:]:
        found = checkpoint.find(tmp_path / "sweep" / row["job"], "latest")
        assert (found.score, found.step) == (float(row["score"]), int(row["step"]))

    code, out, err = told("status", "sweep", command=sweep.main)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "1 job: 1 failed; 2 more of earlier commands"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["status", "nowhere"], "error: nowhere: must be the directory of a sweep; there is none"),
        (["status", "."], "error: .: must be the directory of a sweep; it has no sweep.json with"),
        (
            ["stat", "."],
            "python -m dqn_experiments.sweep: error: argument status: invalid choice: 'stat'",
        ),
    ],
)
def test_status_of_what_is_no_sweep(arguments: list[str], error: str, told: Told) -> None:
    code, out, err = told(*arguments, command=sweep.main)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(error)


def test_a_job_that_fails_keeps_no_later_batch_from_running(told: Told) -> None:
    batches = "hydra.sweeper.max_batch_size=1", "total_steps=200"
    for retry in ("false", "true"):  # nor does it when it fails again
        asked = "optimizer.lr=-1,1e-3", f"retry_failed={retry}"
        code, out, err = told("-m", *SWEEP, *batches, *asked)
        assert code == 2
        assert err.splitlines()[-1].startswith("error: 1 of 2 jobs failed: optimizer.lr=-1")
        assert out.splitlines()[-1] == "2 jobs: 1 failed, 1 finished"


@pytest.mark.slow
@pytest.mark.parametrize("chdir", ["false", "true"])
def test_jobs_of_joblib_share_the_cores(chdir: str, command: Command, tmp_path: Path) -> None:
    jobs = (*SWEEP, *JOBLIB, "seed=1,2", "cpu_threads=null", f"hydra.job.chdir={chdir}")
    done = command("-m", *jobs, OMP_NUM_THREADS="64")
    assert done.returncode == 0, done.stderr
    cores = len(os.sched_getaffinity(0))
    shared = f"2 jobs at once share {cores} cores: {max(1, cores // 2)} for this one"
    assert done.stdout.count(shared) == 2
    assert done.stdout.splitlines()[-1] == "2 jobs: 2 finished"


def test_a_launcher_may_take_its_number_of_jobs_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORES", "2")
    launcher = {"_target_": next(iter(SIDE_BY_SIDE)), "n_jobs": "${oc.decode:${oc.env:CORES}}"}
    assert at_once(OmegaConf.create({"launcher": launcher, "sweeper": {}}), 3) == 2


def test_no_more_jobs_share_the_machine_than_there_are() -> None:
    launcher = {"_target_": list(SIDE_BY_SIDE)[1]}
    for size, jobs, expected in ((8, 3, 3), (2, 3, 2), (None, 3, 3)):
        sweeper = {"max_batch_size": size}
        assert (
            at_once(OmegaConf.create({"launcher": launcher, "sweeper": sweeper}), jobs) == expected
        )


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A sweep in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dqn_experiments", "-m", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def statuses(command: Command) -> list[str]:
    done = command("status", "sweep", module="dqn_experiments.sweep")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n\n")[0].splitlines()[1:]
    return [re.split(r"  +", line)[2] for line in lines if line.startswith("buffer")]


def owner(job: Path) -> int:
    """The process that trains it."""
    return int(re.findall(r"\d+", (job / "lock.owner").read_text())[0])


@pytest.mark.slow
def test_a_sweep_of_which_all_is_killed_ends_as_if_nothing_had_been(
    command: Command, tmp_path: Path
) -> None:
    grid = (*SWEEP, *JOBLIB, "seed=1,2,3", "total_steps=12000", "checkpoint.every=500")
    jobs = [tmp_path / "sweep" / f"{ONLY_JOB}+seed-{seed}" for seed in (1, 2, 3)]
    process = begin(tmp_path, *grid)
    wait_for_a_checkpoint(process, jobs[0])
    wait_for_a_checkpoint(process, jobs[1])
    assert statuses(command) == ["running", "running", "waiting"]
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    gone = time.monotonic() + 30
    while statuses(command) != ["killed", "killed", "waiting"]:
        assert time.monotonic() < gone, statuses(command)
    assert 0 < newest_step(jobs[0]) < 12000
    done = command("-m", *grid)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("going on from") == 2
    assert done.stdout.splitlines()[-1] == "3 jobs: 3 finished"
    once = ("seed=1", "total_steps=12000", "checkpoint.every=500", "tracker.mode=disabled")
    alone = command(*QUICK_CARTPOLE, *once, "hydra.run.dir=alone")
    assert alone.returncode == 0, alone.stderr
    weights = [checkpoint.find(run, "latest").weights() for run in (jobs[0], tmp_path / "alone")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    for file in ("history.csv", "evaluation.json"):
        assert (jobs[0] / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()


@pytest.mark.slow
def test_a_job_whose_process_dies_is_told_and_goes_on(command: Command, tmp_path: Path) -> None:
    grid = (*SWEEP, *JOBLIB, "seed=1,2", "total_steps=12000", "checkpoint.every=500")
    job = tmp_path / "sweep" / f"{ONLY_JOB}+seed-1"
    process = begin(tmp_path, *grid)
    wait_for_a_checkpoint(process, job)
    psutil.Process(owner(job)).kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    told = "error: a process of the sweep died (TerminatedWorkerError); the same command goes on"
    assert told in err.splitlines()  # joblib warns of its own after that
    assert statuses(command)[0] == "killed"
    done = command("-m", *grid)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 jobs: 2 finished"
