"""Who goes how far: on scores that are known beforehand, so without a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from dqn_experiments.errors import ConfigError
from dqn_experiments.search.halving import Halving, Leg
from dqn_experiments.search.settings import Settings
from dqn_experiments.search.space import Space, search_space
from dqn_experiments.search.study import drawn_by, opened

RUNGS = [100, 300, 900]
LR: Space = {"lr": FloatDistribution(1e-5, 1e-1, log=True)}


def settings(**changed: Any) -> Settings:
    sampler = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3, "seed": 0}
    values: dict[str, Any] = {
        "sampler": sampler,
        "pruner": {"min_resource": 100, "reduction_factor": 3},
        "n_trials": 9,
        "seeds": 1,
        "n_jobs": 1,
        "direction": "maximize",
        "storage": None,
        "study_name": None,
        "params": None,
    }
    return Settings.model_validate(values | changed)


def grid(values: Sequence[float]) -> tuple[Space, Settings]:
    space: Space = {"lr": CategoricalDistribution(values)}
    sampler = {"_target_": "optuna.samplers.GridSampler", "_partial_": True, "seed": 0}
    return space, settings(sampler=sampler, n_trials=len(values))


def a_halving(
    space: Space = LR, chosen: Settings | None = None, study: optuna.Study | None = None
) -> tuple[Halving, optuna.Study]:
    chosen = chosen or settings()
    study = study or optuna.create_study(direction=chosen.direction)
    return Halving(study, space, *drawn_by(chosen, space), RUNGS, 3), study


def carried_out(halving: Halving, score: Callable[[Leg], float]) -> list[Leg]:
    """All legs in their order, one after the other."""
    legs = []
    while leg := halving.next_leg():
        legs.append(leg)
        halving.reached(leg, score(leg))
    return legs


def steps(legs: Sequence[Leg]) -> int:
    before = {until: ([0, *RUNGS])[number] for number, until in enumerate(RUNGS)}
    return sum(leg.until - before[leg.until] for leg in legs)


def test_the_best_goes_all_the_way_and_most_do_not() -> None:
    halving, study = a_halving(*grid(range(9)))
    legs = carried_out(halving, lambda leg: leg.params["lr"] + leg.until)
    assert study.best_trial.params == {"lr": 8}
    assert study.best_value == 8 + 900
    assert len(legs) == len({(leg.number, leg.until) for leg in legs}), "no leg comes twice"
    assert steps(legs) <= 9 * 900 / 2
    assert len(halving.close()) == 8
    states = [trial.state for trial in study.trials]
    assert (states.count(TrialState.PRUNED), states.count(TrialState.COMPLETE)) == (8, 1)


def test_a_paused_trial_is_promoted_once_enough_others_are_worse() -> None:
    halving, _ = a_halving(*grid(range(9)))
    scores = iter([9.0, 8.0, 1.0, 0.0, 2.0, 3.0])  # of 6 the second goes on, of 3 it did not
    begun: list[tuple[int, int]] = []
    while len(begun) < 8 and (leg := halving.next_leg()):
        begun.append((leg.number, leg.until))
        halving.reached(leg, next(scores) if leg.until == 100 else 0.0)
    assert begun == [
        *((0, 100), (1, 100), (2, 100), (0, 300)),
        *((3, 100), (4, 100), (5, 100), (1, 300)),
    ]


def test_of_equal_trials_no_more_go_on_than_of_others() -> None:
    halving, study = a_halving(*grid(range(9)))
    legs = carried_out(halving, lambda leg: 500.0)
    assert [sum(leg.until == rung for leg in legs) for rung in RUNGS] == [9, 3, 1]
    assert study.best_trial.number == 0


@pytest.mark.parametrize("n_trials", [1, 2, 4])
def test_of_few_trials_one_goes_all_the_way(n_trials: int) -> None:
    halving, study = a_halving(chosen=settings(n_trials=n_trials, direction="minimize"))
    carried_out(halving, lambda leg: abs(leg.number - 1) + 0.5)
    completed = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert [trial.number for trial in completed] == [min(1, n_trials - 1)]


def test_the_place_of_a_promoted_trial_that_fails_is_taken_by_the_next_best() -> None:
    halving, study = a_halving(*grid([1, 2, 3]))
    while leg := halving.next_leg():
        if leg.params["lr"] == 3 and leg.until > 100:
            halving.failed(leg, "the loss became nan")
        else:
            halving.reached(leg, leg.params["lr"])
    halving.close()
    states = {trial.params["lr"]: trial.state for trial in study.trials}
    assert states == {1: TrialState.PRUNED, 2: TrialState.COMPLETE, 3: TrialState.FAIL}


def test_while_others_are_under_way_nothing_is_promoted_for_want_of_them() -> None:
    halving, _ = a_halving(*grid([1, 2]))
    one, two = halving.next_leg(), halving.next_leg()
    assert one
    assert two
    halving.reached(one, 1.0)
    assert halving.next_leg() is None
    assert halving.under_way() == [two]
    halving.reached(two, 0.0)
    assert halving.next_leg() == Leg(one.number, one.params, 300)


def test_samplers_learn_from_what_is_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[FrozenTrial]] = []
    ask = optuna.Study.ask

    def noted(study: optuna.Study, *rest: Any) -> optuna.Trial:
        if rest:
            seen.append(study.trials)
        return ask(study, *rest)

    monkeypatch.setattr(optuna.Study, "ask", noted)
    halving, _ = a_halving()
    first, _under_way = halving.next_leg(), halving.next_leg()
    assert first
    halving.reached(first, 7.0)
    halving.next_leg()
    assert [trial.state for trial in seen[-1]] == [TrialState.PRUNED, TrialState.RUNNING]
    assert seen[-1][0].intermediate_values == {100: 7.0}


def test_a_stopped_study_goes_on_as_it_would_have() -> None:
    def score(leg: Leg) -> float:
        return 1 / abs(leg.params["lr"] - 1e-3) + leg.until

    whole, _ = a_halving()
    legs = carried_out(whole, score)
    begun: list[Leg] = []
    halving, study = a_halving()
    while leg := halving.next_leg():
        begun.append(leg)  # and here its process dies
        halving, _ = a_halving(study=study)
        assert halving.under_way() == [leg]
        halving.reached(leg, score(leg))
        halving, _ = a_halving(study=study)
    assert begun == legs


def test_a_study_stays_what_it_was_begun_as(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/study.db"
    halving, _ = a_halving(study=opened(storage, "a", "maximize", {"seed": 1, "lr": "1 to 2"}))
    leg = halving.next_leg()
    again = opened(storage, "a", "maximize", {"seed": 1, "lr": "1 to 2"})
    assert a_halving(study=again)[0].under_way() == [leg]
    with pytest.raises(ConfigError, match=r"^seed=2: the study a was begun with 1; must be the"):
        opened(storage, "a", "maximize", {"seed": 2, "lr": "1 to 2"})
    with pytest.raises(ConfigError, match=r"^lr=None: the study a was begun with 1 to 2; must"):
        opened(storage, "a", "maximize", {"seed": 1})


def test_the_same_values_drawn_twice_are_run_once() -> None:
    sampler = {"_target_": "optuna.samplers.RandomSampler", "seed": 0}
    two: Space = {"n": CategoricalDistribution([1, 2])}
    halving, study = a_halving(two, settings(sampler=sampler, n_trials=20))
    legs = carried_out(halving, lambda leg: leg.params["n"])
    assert sorted(leg.params["n"] for leg in legs if leg.until == 100) == [1, 2]
    assert len(study.trials) == 20
    assert len(halving.close()) == 1
    assert study.best_trial.params == {"n": 2}


def test_a_failed_trial_is_told_and_may_be_tried_again() -> None:
    halving, study = a_halving(*grid([1, 2, 3]))
    leg = halving.next_leg()
    assert leg
    halving.failed(leg, "the loss became nan")
    assert halving.failures == ["the loss became nan"]
    assert study.trials[0].state == TrialState.FAIL
    halving.retry_failed()
    (again,) = halving.under_way()
    assert (again.params, again.until) == (leg.params, leg.until)
    assert halving.failures == []
    halving.reached(again, 5.0)
    others = carried_out(halving, lambda leg: 1.0)
    assert sorted(leg.params["lr"] for leg in [again, *others] if leg.until == 100) == [1, 2, 3]
    assert study.best_trial.params == leg.params


def test_a_search_space_is_that_of_optunas_sweeper() -> None:
    space, shared = search_space(
        [
            *("a=1,2", "b=interval(0.1, 1)", "c=tag(log, int(interval(1, 9)))", "d=range(1, 7, 2)"),
            *("e=3", "~f", "a=choice(5, 6)", "b=7"),
        ]
    )
    assert space == {
        "a": CategoricalDistribution((5, 6)),
        "c": optuna.distributions.IntDistribution(1, 9, log=True),
        "d": optuna.distributions.IntDistribution(1, 5, step=2),
    }
    assert shared == ["e=3", "~f", "b=7"]
