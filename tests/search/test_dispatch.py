"""Runs are given to whoever is free; nobody waits for the slowest."""

import threading
from collections.abc import Callable

import pytest
from optuna.trial import TrialState

from dqn_experiments.errors import StoppedError, TrainingError
from dqn_experiments.search.dispatch import dispatch
from dqn_experiments.search.halving import Halving, Leg
from tests.search.test_promotion import a_halving, grid


def carried_out(
    halving: Halving, launch: Callable[[list[str], int], float], workers: int, seeds: int = 1
) -> None:
    def jobs_of(leg: Leg) -> list[list[str]]:
        return [[str(leg.params["lr"]), str(seed), str(leg.until)] for seed in range(seeds)]

    dispatch(halving, jobs_of, launch, workers)


def test_a_free_worker_does_not_wait_for_the_slowest() -> None:
    halving, study = a_halving(*grid(range(9)))
    others_are_done, slow, done = threading.Event(), threading.Event(), []

    def launch(job: list[str], number: int) -> float:
        if number == 0:
            slow.set()
            assert others_are_done.wait(30)
        else:
            assert slow.wait(30)
            done.append(job)
            if len(done) == 10:  # all but one to the first rung, and promotions
                others_are_done.set()
        return float(job[0])

    carried_out(halving, launch, workers=2)
    assert others_are_done.is_set()
    assert any(until == "300" for _, _, until in done[:10])
    assert study.best_trial.params == {"lr": 8}


def test_the_score_of_a_trial_is_the_mean_over_its_seeds() -> None:
    halving, study = a_halving(*grid([1, 2, 3]))
    carried_out(halving, lambda job, _: float(job[0]) + float(job[1]), workers=2, seeds=3)
    assert study.best_value == 3 + 1
    assert study.best_trial.intermediate_values == {100: 4.0, 300: 4.0}


def test_a_trial_of_which_one_run_fails_has_failed() -> None:
    halving, study = a_halving(*grid([1, 2, 3]))
    runs: list[list[str]] = []

    def launch(job: list[str], _: int) -> float:
        runs.append(job)
        if job[:2] == ["3", "1"]:
            raise TrainingError("the loss became nan")
        return float(job[0])

    carried_out(halving, launch, workers=1, seeds=3)
    assert halving.failures == ["the loss became nan"]
    assert ["3", "2", "100"] not in runs
    assert study.best_trial.params == {"lr": 2}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_signal_stops_is_not_told_of_the_study(workers: int) -> None:
    halving, study = a_halving(*grid([1, 2, 3]))

    def launch(_: list[str], __: int) -> float:
        raise StoppedError("SIGINT")

    with pytest.raises(StoppedError):
        carried_out(halving, launch, workers)
    assert {trial.state for trial in study.trials} == {TrialState.RUNNING}
    assert len(halving.under_way()) == workers
