"""Which runs belong together, and how groups are told apart."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dqn_experiments.comparison.groups import LONGEST_LABEL, differences, grouped
from dqn_experiments.comparison.runs import read_run
from tests.comparison.making import CARTPOLE, leave_run


def labels(tmp_path: Path, *runs: tuple[str, ...]) -> dict[str, list[int]]:
    """The groups of runs with these overrides, and the seeds in each."""
    read = [
        read_run(leave_run(tmp_path / str(at), *overrides)) for at, overrides in enumerate(runs)
    ]
    return {
        group.label: [run.seed for game in group.runs.values() for run in game]
        for group in grouped(read)
    }


def test_runs_that_differ_in_seeds_and_what_has_no_effect_are_one_group(tmp_path: Path) -> None:
    found = labels(
        tmp_path,
        (*CARTPOLE, "seed=2"),
        (*CARTPOLE, "seed=1", "tracker.tags=[a]", "cpu_threads=1", "checkpoint.every=7"),
        (*CARTPOLE, "seed=3", "buffer.compression=none", "evaluation.every=0", "log_every=9"),
    )
    assert found == {"dqn": [1, 2, 3]}


def test_the_label_is_what_differs(tmp_path: Path) -> None:
    found = labels(
        tmp_path,
        (*CARTPOLE, "optimizer.lr=1e-3"),
        (*CARTPOLE, "optimizer.lr=3e-4", "seed=1"),
        (*CARTPOLE, "optimizer.lr=3e-4", "seed=2"),
    )
    assert found == {"optimizer.lr=0.001": [42], "optimizer.lr=0.0003": [1, 2]}


def test_an_option_stands_for_what_it_brings(tmp_path: Path) -> None:
    """IQN has its own target period and more keys than DQN."""
    found = labels(tmp_path, ("agent=dqn",), ("agent=iqn",))
    assert found == {"agent=dqn": [42], "agent=iqn": [42]}
    changed = labels(
        tmp_path / "b", ("agent=dqn",), ("agent=iqn",), ("agent=iqn", "agent.tau_samples=8")
    )
    assert set(changed) == {
        "agent=dqn",
        "agent=iqn, agent.tau_samples=64",
        "agent=iqn, agent.tau_samples=8",
    }


def test_games_of_a_recipe_are_one_group(tmp_path: Path) -> None:
    runs = [
        read_run(leave_run(tmp_path / f"{game}{rate}", f"env={game}", f"optimizer.lr={rate}"))
        for game in ("pong", "breakout")
        for rate in (1e-3, 1e-4)
    ]
    groups = grouped(runs)
    assert [group.label for group in groups] == ["optimizer.lr=0.0001", "optimizer.lr=0.001"]
    assert [list(group.runs) for group in groups] == [["breakout", "pong"]] * 2
    assert [group.label for group in grouped(runs[::-1])] == [group.label for group in groups]


def test_where_much_differs_a_few_keys_tell_groups_apart(tmp_path: Path) -> None:
    found = labels(
        tmp_path,
        ("env=breakout",),
        (*CARTPOLE,),
        (*CARTPOLE, "buffer.batch_size=8"),
        ("agent=iqn",),
    )
    assert len(found) == 4
    assert all(len(label) <= LONGEST_LABEL for label in found)
    assert all(label.endswith(", …") for label in found)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["a", "b"]))
KEYS = ("agent._option_", "agent.double", "agent.x", "optimizer.lr", "net.torso._option_", "net.a")
RECIPES: Any = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), min_size=1, max_size=5)


@given(RECIPES)
def test_recipes_with_the_same_keys_that_differ_have_differences_that_differ(
    recipes: list[dict[str, Any]],
) -> None:
    whole = [{**dict.fromkeys(KEYS, 0), **recipe} for recipe in recipes]
    told = differences(whole)
    for one, mine in zip(whole, told, strict=True):
        for other, theirs in zip(whole, told, strict=True):
            same = all(repr(one[key]) == repr(other[key]) for key in KEYS)
            assert (mine == theirs) == same
