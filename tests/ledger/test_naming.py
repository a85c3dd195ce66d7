"""The names of jobs: by what they override, one for each, on every system."""

import re
import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn_experiments.ledger.naming import LONGEST, job_name, what_is_overridden

KEYS = ("seed", "optimizer.lr", "env", "env.id", "+env.kwargs.size", "optimizer/lr_factor")
PLAIN = st.sampled_from(["1", "0.001", "a", "A", "pong", "1e-05", "x-1", "null", "[64,64]", "-"])
QUOTED = st.text(max_size=120).map(lambda text: "'" + text.replace("\\", "").replace("'", "") + "'")
JOBS = st.dictionaries(st.sampled_from(KEYS), PLAIN | QUOTED)


def overrides(job: dict[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in job.items()]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ([], "defaults"),
        (["seed=1"], "seed-1"),
        (["seed=1", "optimizer.lr=1e-3"], "optimizer.lr-0.001+seed-1"),
        (["optimizer.lr=0.001", "seed=1"], "optimizer.lr-0.001+seed-1"),
        (["env=pong", "agent=c51"], "agent-c51+env-pong"),
        (["+env.kwargs.size=5"], "env.kwargs.size-5"),
        (["seed=1", "total_steps=2_000", "tracker.mode=disabled", "sweep=five_seeds"], "seed-1"),
        (["evaluation.episodes=3", "retry_failed=true"], "defaults"),
    ],
)
def test_a_job_is_named_by_what_makes_it_another_run(given: list[str], name: str) -> None:
    assert job_name(given) == name


def test_what_may_change_when_a_run_goes_on_counts_where_it_is_swept() -> None:
    names = {job_name(["seed=1", f"total_steps={n}"], ["total_steps"]) for n in (1000, 2000)}
    assert names == {"seed-1+total_steps-1000", "seed-1+total_steps-2000"}


def test_long_and_odd_names_can_still_be_read() -> None:
    name = job_name(["network.hidden=[64,64]", "env.id=CartPole-v1", "optimizer/lr_factor=linear"])
    assert re.fullmatch(r"id-CartPole-v1\+hidden-64-64\+lr_factor-linear@[0-9a-f]{12}", name)
    many = [f"env.kwargs.some_long_name_{number}=1" for number in range(20)]
    assert re.fullmatch(r"some_long_name_0-1\+.*@[0-9a-f]{12}", job_name([f"+{x}" for x in many]))


@given(JOBS)
@settings(deadline=None, max_examples=40)
def test_a_name_is_safe_anywhere_and_needs_no_quotes(job: dict[str, str]) -> None:
    name = job_name(overrides(job))
    assert len(name) <= LONGEST
    assert re.fullmatch(r"[A-Za-z0-9_.+@-]*[A-Za-z0-9_]", name)
    assert shlex.quote(name) == name
    typed = OverridesParser.create().parse_override(f"run=outputs/multirun/x/{name}")
    assert typed.value() == f"outputs/multirun/x/{name}"


@given(JOBS, JOBS)
@settings(deadline=None, max_examples=40)
def test_other_values_never_have_the_same_name_whatever_the_file_system(
    one: dict[str, str], other: dict[str, str]
) -> None:
    same = what_is_overridden(overrides(one)) == what_is_overridden(overrides(other))
    names = [job_name(overrides(job)).casefold() for job in (one, other)]
    assert (names[0] == names[1]) == same


@given(JOBS.flatmap(lambda job: st.tuples(st.just(job), st.permutations(list(job)))))
@settings(deadline=None, max_examples=40)
def test_the_order_of_overrides_does_not_matter(
    job_and_order: tuple[dict[str, str], list[str]],
) -> None:
    job, order = job_and_order
    assert job_name(overrides(job)) == job_name(overrides({key: job[key] for key in order}))
