"""Sweeps on Hydra's own plugins: scores come back, and a signal loses nothing."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from optuna import load_study

from dqn_experiments.errors import (
    ConfigError,
    StateError,
    StoppedError,
    TrainingError,
    UnknownKeysError,
)
from dqn_experiments.machine.interrupt import Interrupted
from dqn_experiments.run import checkpoint
from tests.commands.test_signals import ONLY_JOB
from tests.conftest import QUICK_CARTPOLE, Command, Told, newest_step, started

SWEEP = (*QUICK_CARTPOLE, "tracker.mode=disabled", "hydra.sweep.dir=sweep")


def score(run_dir: Path) -> float | None:
    return checkpoint.find(run_dir, "latest").score


def test_a_sweeper_gets_the_mean_of_the_final_evaluation(told: Told, tmp_path: Path) -> None:
    optuna = [
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=3",
        "hydra.sweeper.direction=maximize",
    ]
    optuna += ["hydra.sweeper.sampler.seed=1", "hydra.sweeper.n_jobs=1"]
    for _ in range(2):  # the second time all runs are finished, and have the scores that they had
        code, out, err = told("-m", *optuna, "optimizer.lr=interval(1e-4,1e-2)", *SWEEP)
        assert code == 0, err
        jobs = [path.parent for path in (tmp_path / "sweep").glob("*/config.yaml")]
        scores = {score(job) for job in jobs}
        assert len(jobs) == 3
        best = yaml.safe_load((tmp_path / "sweep" / "optimization_results.yaml").read_text())
        assert best["best_value"] == max(scores)  # type: ignore[type-var]
    assert out.count("finished after 600 steps; nothing is left to do") == 3


def test_a_failed_run_is_a_failed_trial(told: Told, tmp_path: Path) -> None:
    optuna = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1"]
    optuna += ["hydra.sweeper.max_failure_rate=1.0", "hydra.sweeper.direction=maximize"]
    optuna += ["hydra/sweeper/sampler=grid"]
    lrs = "optimizer.lr=choice(1e-3,1e30)"
    code, out, err = told("-m", *optuna, lrs, "agent.loss=mse", *SWEEP)
    assert code == 0, err
    assert "the loss became" in out
    best = yaml.safe_load((tmp_path / "sweep" / "optimization_results.yaml").read_text())
    assert best["best_params"]["optimizer.lr"] == 1e-3


def test_a_search_among_paused_runs_says_that_none_has_a_score(told: Told, tmp_path: Path) -> None:
    optuna = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1"]
    lrs = "optimizer.lr=interval(1e-4,1e-2)"
    code, _, err = told("-m", *optuna, lrs, *SWEEP, "pause_after=50")
    assert code == 1
    why = "no run of the sweep has a score; each was paused before it or failed"
    assert err.splitlines()[-1] == f"error: {why}"
    assert "Traceback" not in err
    (run,) = (tmp_path / "sweep").glob("*/config.yaml")
    assert newest_step(run.parent) == 50


@pytest.mark.slow
def test_a_study_that_was_killed_half_way_goes_on(command: Command, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    optuna = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1"]
    optuna += ["hydra.sweeper.study_name=lr", f"hydra.sweeper.storage={storage}"]
    optuna += ["hydra.sweeper.direction=maximize", "optimizer.lr=interval(1e-4,1e-2)", *SWEEP]
    sweep = started(tmp_path, "-m", *optuna)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "sweep").glob("*/history.csv"))) < 2:
        assert sweep.poll() is None, sweep.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    sweep.kill()
    sweep.communicate()
    (before,) = trials(storage)
    done = command("-m", *optuna)
    assert done.returncode == 0, done.stderr
    values = trials(storage)
    assert values[0] == before
    assert len(values) == 4, "that of before, and as many as the command asks for"
    best = yaml.safe_load((tmp_path / "sweep" / "optimization_results.yaml").read_text())
    assert best["best_value"] == max(values)


def trials(storage: str) -> list[float]:
    """The scores of a study's trials that have one."""
    study = load_study(study_name="lr", storage=storage)
    return [trial.value for trial in study.trials if trial.value is not None]


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [True, False])
def test_a_stopped_parallel_sweep_ends_with_checkpoints_and_goes_on(
    to_all: bool, tmp_path: Path
) -> None:
    """Ctrl-C reaches all processes, a scheduler's signal only the first one."""
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2,3"]
    arguments = [sys.executable, "-m", "dqn_experiments", "-m", *joblib, *SWEEP, "total_steps=4000"]
    environment = {**os.environ}
    sweep = subprocess.Popen(
        [*arguments, "checkpoint.every=0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    jobs = [tmp_path / "sweep" / f"{ONLY_JOB}+seed-{seed}" for seed in (1, 2, 3)]
    histories = [job / "history.csv" for job in jobs[:2]]
    deadline = time.monotonic() + 120
    while not all(file.exists() and len(file.read_bytes()) > 100 for file in histories):
        assert time.monotonic() < deadline
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.02)
    if to_all:
        os.killpg(sweep.pid, signal.SIGINT)
    else:
        os.kill(sweep.pid, signal.SIGTERM)
    _, told = sweep.communicate(timeout=60)
    number = signal.SIGINT if to_all else signal.SIGTERM
    assert sweep.returncode == 128 + number
    assert told == f"{number.name}: the sweep is stopped; the same command goes on\n"
    assert all(0 < newest_step(job) < 4000 for job in jobs[:2])
    assert not newest_step(jobs[2])
    done = subprocess.run(
        [*arguments, "total_steps=4100"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("going on from") == 2
    assert all(newest_step(job) == 4100 for job in jobs)


def test_what_can_leave_a_job_survives_pickling() -> None:
    unknown = UnknownKeysError("e", ["foo"])
    for error in (
        ConfigError("a"),
        TrainingError("b"),
        StateError("c"),
        StoppedError("d"),
        unknown,
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy)) == (type(error), str(error))
    assert pickle.loads(pickle.dumps(unknown)).keys == ["foo"]
    stop = pickle.loads(pickle.dumps(Interrupted(signal.SIGTERM)))
    assert (stop.code, stop.signal) == (143, "SIGTERM")
