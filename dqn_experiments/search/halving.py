"""Asynchronous successive halving (Li et al. 2020, algorithm 2) on Optuna's sampler and pruner.

Optuna asks a pruner about a trial once, when it comes to a rung, and one that is stopped is over.
Here it is paused, and the pruner is asked again whenever there may be more that it is better than:
as if it had come to its rung only now. A paused trial is RUNNING in the storage until the search
ends, then PRUNED. Samplers see it as PRUNED all along, so that they learn from it.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.pruners import SuccessiveHalvingPruner
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from dqn_experiments.search.space import Space, as_overrides
from dqn_experiments.search.study import SamplerOf

log = logging.getLogger(__name__)

UNTIL = "until"
"""The rung that a trial was sent to."""
SAME_AS = "same_as"
"""The number of an earlier trial with the same values."""
FAILURE = "failure"
"""Why it failed."""
RETRIES = "retries"
"""The number of the failed trial whose place it takes."""


@dataclass(frozen=True)
class Leg:
    """A trial on its way to its next rung, or to the end."""

    number: int
    params: dict[str, Any]
    until: int
    """Agent steps."""


class Halving:
    """Which trial is to go how far; as long as it lasts nobody else writes to the study.

    Args:
        study: what came of trials so far.
        space: what is searched over.
        sampler_of: what the trial of a number is drawn by.
        n_trials: how many are drawn.
        rungs: the agent steps at which runs pause, and those of a whole run.
        reduction_factor: one in so many is promoted.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        sampler_of: SamplerOf,
        n_trials: int,
        rungs: Sequence[int],
        reduction_factor: int,
    ) -> None:
        self._study, self._space, self._sampler_of = study, space, sampler_of
        self._n_trials, self._rungs, self._factor = n_trials, list(rungs), reduction_factor
        self._read: list[FrozenTrial] | None = None

    def legs(self) -> list[Leg]:
        """The newest leg of every trial whose runs are its own."""
        return [_leg(trial) for trial in self._trials() if SAME_AS not in trial.user_attrs]

    def under_way(self) -> list[Leg]:
        """The legs that were begun and have not come to an end."""
        return [_leg(trial) for trial in self._trials() if _is_under_way(trial)]

    def next_leg(self) -> Leg | None:
        """The next one to begin: a promotion, or else a new trial.

        None if there is nothing to do until another leg ends, or ever if none is under way. In the
        end one trial at least has gone all the way: where there are too few to promote one in
        `reduction_factor`, the best goes on.
        """
        leg = self._promoted(self._factor - 1)
        while leg is None and self._drawn_so_far() < self._n_trials:
            leg = self._drawn()
        if leg is None and not self.under_way():
            leg = self._promoted(0)
        return leg

    def reached(self, leg: Leg, score: float) -> None:
        """Take in what a trial scores at the end of its leg."""
        if leg.until == self._rungs[-1]:
            with self._changing() as study:
                study.tell(leg.number, score)
        else:
            with self._changing_trial(leg.number) as trial:
                trial.report(score, leg.until)
        values = " ".join(as_overrides(leg.params))
        log.info(f"trial {leg.number}, {values}: {score:.4g} after {leg.until:,} steps")

    def failed(self, leg: Leg, reason: str) -> None:
        """Take in that a trial cannot go on."""
        with self._changing_trial(leg.number) as trial:
            trial.set_user_attr(FAILURE, reason)
            trial.study.tell(leg.number, state=TrialState.FAIL)

    def retry_failed(self) -> None:
        """Let those that failed take up their legs once more, each as a trial of its own."""
        for trial in self._failed():
            attrs = {UNTIL: trial.user_attrs[UNTIL], RETRIES: trial.number}
            with self._changing() as study:
                study.add_trial(_copy(trial, TrialState.RUNNING, attrs))

    @property
    def failures(self) -> list[str]:
        """Why trials failed, in their order."""
        return [trial.user_attrs[FAILURE] for trial in self._failed()]

    def close(self) -> list[Leg]:
        """Prune what is paused; returns the last legs of all that is pruned."""
        for trial in filter(_is_paused, self._trials()):
            with self._changing() as study:
                study.tell(trial.number, state=TrialState.PRUNED)
        return [
            _leg(trial)
            for trial in self._trials()
            if trial.state == TrialState.PRUNED and SAME_AS not in trial.user_attrs
        ]

    def _trials(self) -> list[FrozenTrial]:
        if self._read is None:  # from a database it takes a while
            self._read = self._study.get_trials(deepcopy=False)
        return self._read

    @contextmanager
    def _changing(self) -> Iterator[optuna.Study]:
        """The study, to be written to; it is read anew afterwards."""
        try:
            yield self._study
        finally:
            self._read = None

    @contextmanager
    def _changing_trial(self, number: int) -> Iterator[Trial]:
        """A trial, to be written to; Optuna hands one out only where it is drawn."""
        with self._changing() as study:
            yield Trial(study, self._trials()[number]._trial_id)

    def _drawn_so_far(self) -> int:
        return sum(RETRIES not in trial.user_attrs for trial in self._trials())

    def _retried(self) -> set[int]:
        """The numbers of those whose place another one takes."""
        attrs = [trial.user_attrs for trial in self._trials()]
        return {each[RETRIES] for each in attrs if RETRIES in each}

    def _failed(self) -> list[FrozenTrial]:
        retried = self._retried()
        failed = [trial for trial in self._trials() if FAILURE in trial.user_attrs]
        return [trial for trial in failed if trial.number not in retried]

    def _drawn(self) -> Leg | None:
        """A new trial; None if it is one that there was, whose score is known or will be."""
        known = self._trials()
        seen = optuna.create_study(
            direction=self._study.direction, sampler=self._sampler_of(len(known))
        )
        seen.add_trials(map(_as_sampled_from, known))
        seen.ask(self._space)
        drawn = seen.trials[-1]
        twin = next((trial for trial in known if trial.params == drawn.params), None)
        if twin:
            state = twin.state if twin.state.is_finished() else TrialState.PRUNED
            with self._changing() as study:
                study.add_trial(_copy(twin, state, {SAME_AS: twin.number}))
            return None
        with self._changing() as study:
            study.add_trial(_copy(drawn, TrialState.RUNNING, {UNTIL: self._rungs[0]}))
        return _leg(self._trials()[-1])

    def _promoted(self, bootstrap_count: int) -> Leg | None:
        """A paused trial that is to go on, of those that came furthest; None if there is none.

        Args:
            bootstrap_count: none is promoted unless more than so many came to its rung.
        """
        for number, rung in reversed(list(enumerate(self._rungs[:-1]))):
            ranked = self._ranked(rung)
            paused = [trial for trial in ranked if _is_paused(trial) and trial.last_step == rung]
            if paused and not self._would_be_pruned(paused[-1], bootstrap_count):
                best, until = paused[-1], self._rungs[number + 1]
                with self._changing_trial(best.number) as trial:
                    trial.set_user_attr(UNTIL, until)
                log.info(f"trial {best.number} is promoted to {until:,} steps")
                return Leg(best.number, best.params, until)
        return None

    def _ranked(self, rung: int) -> list[FrozenTrial]:
        """All that came to a rung, the best last; of equal ones the first that was drawn."""
        sign = 1 if self._study.direction == optuna.study.StudyDirection.MAXIMIZE else -1
        came = [
            trial
            for trial in self._trials()
            if rung in trial.intermediate_values
            and SAME_AS not in trial.user_attrs
            and trial.state != TrialState.FAIL
        ]
        return sorted(came, key=lambda each: (sign * each.intermediate_values[rung], -each.number))

    def _would_be_pruned(self, trial: FrozenTrial, bootstrap_count: int) -> bool:
        """What the pruner says if it comes to its rung now, after all others.

        It is asked in a study that repeats what came so far, as a pruner notes in its study whom it
        was asked about. It is told ranks, as it would promote all of those that score the same.
        """
        pruner = SuccessiveHalvingPruner(self._rungs[0], self._factor, 0, bootstrap_count)
        again = optuna.create_study(direction="maximize", pruner=pruner)
        trials = {each.number: again.ask() for each in self._trials()}
        for rung in self._rungs[:-1]:
            ranked = self._ranked(rung)
            for rank, each in enumerate(ranked):
                if each.number != trial.number:
                    trials[each.number].report(rank, rung)
                    trials[each.number].should_prune()
            if rung in trial.intermediate_values:
                trials[trial.number].report(ranked.index(trial), rung)
                pruned = trials[trial.number].should_prune()
        return pruned


def _leg(trial: FrozenTrial) -> Leg:
    return Leg(trial.number, trial.params, trial.user_attrs[UNTIL])


def _is_paused(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.RUNNING and trial.last_step == trial.user_attrs[UNTIL]


def _is_under_way(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.RUNNING and trial.last_step != trial.user_attrs[UNTIL]


def _as_sampled_from(trial: FrozenTrial) -> FrozenTrial:
    """A trial as a sampler is to see it: one that is there twice counts once."""
    if SAME_AS in trial.user_attrs:
        return _copy(trial, TrialState.FAIL, {})
    return _copy(trial, TrialState.PRUNED if _is_paused(trial) else trial.state, {})


def _copy(trial: FrozenTrial, state: TrialState, user_attrs: dict[str, Any]) -> FrozenTrial:
    """One with the same values and scores, to be added to a study."""
    return create_trial(
        state=state,
        value=trial.value if state == TrialState.COMPLETE else None,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=user_attrs,
        system_attrs=trial.system_attrs,  # by which a grid knows its points
        intermediate_values=trial.intermediate_values,
    )
