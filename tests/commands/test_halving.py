"""A search by successive halving on real runs: poor ones stop early, nothing is trained twice."""

import csv
import re
import signal
import time
from pathlib import Path

import optuna
import pytest
import torch
from optuna.trial import TrialState

from dqn_experiments.run import checkpoint
from tests.conftest import QUICK_CARTPOLE, Command, Told, newest_step, started

RUN = (*QUICK_CARTPOLE, "total_steps=900", "tracker.mode=disabled")
HALVING = ("-m", "hydra/sweeper=halving", "hydra.sweeper.pruner.min_resource=150", *RUN)
LR = "optimizer.lr=tag(log,interval(1e-5,1e-1))"


def rows(sweep: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((sweep / "sweep.csv").open()))


def study_of(sweep: Path) -> optuna.Study:
    return optuna.load_study(study_name="search", storage=f"sqlite:///{sweep}/study.db")


def same_run(one: Path, other: Path) -> bool:
    weights = [checkpoint.find(run, "latest").weights() for run in (one, other)]
    histories = [(run / "history.csv").read_bytes() for run in (one, other)]
    return histories[0] == histories[1] and all(
        torch.equal(weights[0][name], weights[1][name]) for name in weights[0]
    )


def test_most_stop_early_and_the_winner_is_as_if_it_never_paused(
    told: Told, tmp_path: Path
) -> None:
    search = (*HALVING, "hydra/sweeper/sampler=grid", "hydra.sweep.dir=sweep")
    code, out, err = told(*search, "optimizer.lr=1e-1,1e-3,1e-5")
    assert code == 0, err
    assert out.count("going on from") == 2
    found = {row["optimizer.lr"]: row for row in rows(tmp_path / "sweep")}
    assert sorted((row["status"], row["step"]) for row in found.values()) == [
        ("finished", "900"),
        ("pruned", "150"),
        ("pruned", "150"),
    ]
    assert out.splitlines()[-1] == "3 jobs: 1 finished, 2 pruned"
    study = study_of(tmp_path / "sweep")
    assert [each.state for each in study.trials].count(TrialState.PRUNED) == 2
    (lr,) = study.best_params.values()
    assert float(found[str(lr)]["score"]) == study.best_value
    assert told(*RUN, f"optimizer.lr={lr}", "hydra.run.dir=alone")[0] == 0
    assert same_run(tmp_path / "sweep" / found[str(lr)]["job"], tmp_path / "alone")

    code, out, err = told(*search, "optimizer.lr=1e-1,1e-3,1e-5")
    assert code == 0, err
    assert "training on" not in out, "nothing is asked twice"
    assert out.splitlines()[-1] == "3 jobs: 1 finished, 2 pruned"
    code, _, err = told(*search, "optimizer.lr=1e-1,1e-3,1e-5", "hydra.sweeper.seeds=2")
    assert code == 2
    assert err == (
        "error: hydra.sweeper.seeds=2: the study search was begun with 1; must be the same, or "
        "another hydra.sweep.dir"
    )


@pytest.mark.slow
def test_a_search_that_is_killed_again_and_again_ends_as_if_nothing_had_been(
    command: Command, tmp_path: Path
) -> None:
    search = (*HALVING, LR, "total_steps=2700", "checkpoint.every=50", "hydra.sweeper.n_trials=5")
    for steps in (100, 500, 1_500):  # of all trials: in the first, and among promoted ones
        process = started(tmp_path, *search, "hydra.sweep.dir=killed")
        deadline = time.monotonic() + 300
        while reached(tmp_path / "killed") < steps:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for name in ("killed", "alone"):
        done = command(*search, f"hydra.sweep.dir={name}")
        assert done.returncode == 0, done.stderr
    killed, alone = (study_of(tmp_path / name) for name in ("killed", "alone"))
    assert [each.params for each in killed.trials] == [each.params for each in alone.trials]
    for each, other in zip(killed.trials, alone.trials, strict=True):
        assert each.intermediate_values == other.intermediate_values
        assert (each.state, each.value) == (other.state, other.value)
    jobs = [row["job"] for row in rows(tmp_path / "alone")]
    assert rows(tmp_path / "killed") == rows(tmp_path / "alone")
    assert all(same_run(tmp_path / "killed" / job, tmp_path / "alone" / job) for job in jobs)


def reached(sweep: Path) -> int:
    """Steps of all runs in it."""
    return sum(newest_step(run_dir) for run_dir in sweep.glob("*seed*"))


@pytest.mark.slow
def test_two_workers_of_joblib_carry_a_search_to_its_end(command: Command, tmp_path: Path) -> None:
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=2")
    several = ("hydra.sweeper.n_trials=4", "hydra.sweeper.seeds=2", "hydra.sweep.dir=sweep")
    done = command(*HALVING, *joblib, *several, LR)
    assert done.returncode == 0, done.stderr
    counts = re.fullmatch(r"8 jobs: (\d) finished, (\d) pruned", done.stdout.splitlines()[-1])
    assert counts
    assert int(counts[1]) % 2 == 0, "runs of a trial go as far as one another"
    scores = [float(row["score"]) for row in rows(tmp_path / "sweep") if row["step"] == "900"]
    best = study_of(tmp_path / "sweep").best_value
    assert best in [sum(scores[each : each + 2]) / 2 for each in range(0, len(scores), 2)]


@pytest.mark.slow
def test_a_failed_run_is_a_failed_trial_and_the_search_goes_on(told: Told, tmp_path: Path) -> None:
    search = (*HALVING, "hydra/sweeper/sampler=grid", "hydra.sweep.dir=sweep", "agent.loss=mse")
    for again in (False, True):
        code, out, err = told(*search, "optimizer.lr=1e30,1e-3,1e-4", f"retry_failed={again}")
        assert code == 1
        assert re.match(r"error: 1 of 3 jobs failed: .*the loss became", err.splitlines()[-1])
        assert out.splitlines()[-1] == "3 jobs: 1 failed, 1 finished, 1 pruned"
    states = [trial.state for trial in study_of(tmp_path / "sweep").trials]
    assert states.count(TrialState.FAIL) == 2
    code, out, _ = told(*search, "optimizer.lr=1e30,1e-3,1e-4")
    assert (code, out.count("training on")) == (1, 0)


def test_a_search_and_a_grid_do_not_count_each_others_jobs(told: Told, tmp_path: Path) -> None:
    grid = (*RUN, "hydra.sweep.dir=both")
    search = (*HALVING, "hydra/sweeper/sampler=grid", "hydra.sweep.dir=both")
    assert told(*search, "optimizer.lr=1e-3,1e-4")[0] == 0
    _, out, _ = told("-m", *grid, "seed=1,2")
    assert out.splitlines()[-1] == "2 jobs: 2 finished; 2 more of earlier commands"
    _, out, _ = told(*search, "optimizer.lr=1e-3,1e-4")
    assert out.splitlines()[-1] == "2 jobs: 1 finished, 1 pruned; 2 more of earlier commands"
    assert told("-m", *grid[:-1], "hydra.sweep.dir=grid", "seed=1")[0] == 0
    before = (tmp_path / "grid" / "sweep.json").read_bytes()
    code, out, err = told(*search[:-1], "hydra.sweep.dir=grid", "optimizer.lr=1e-3,1e-4")
    assert code == 2
    assert re.fullmatch(r"error: hydra.sweep.dir=\S+: has a sweep that is no search; .*", err)
    assert " jobs: " not in out
    assert (tmp_path / "grid" / "sweep.json").read_bytes() == before


@pytest.mark.parametrize(
    "mistake", ["hydra.sweeper.seeds=0", "total_steps=90", "-m hydra/sweeper=basic sed=1,2"]
)
def test_a_refused_sweep_leaves_no_directory(mistake: str, told: Told, tmp_path: Path) -> None:
    assert told(*HALVING, "hydra.sweep.dir=new", "optimizer.lr=1e-3,1e-4", *mistake.split())[0] == 2
    assert not (tmp_path / "new").exists()


def test_the_ready_search_is_a_search(told: Told) -> None:
    """Which a default sweeper of the project's own must not take the place of."""
    code, _, err = told("-m", "sweep=halving", "experiment=cartpole", "hydra.sweep.dir=a?b")
    assert (code, "must have no ? and no %" in err) == (2, True)
