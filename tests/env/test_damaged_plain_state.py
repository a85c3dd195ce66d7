"""States that were not written by an environment of that kind do no harm: they are refused."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dqn_experiments.env.plain_values import Reader, Writer
from dqn_experiments.errors import StateError
from dqn_experiments.state import State
from tests.env.playing import make, play

CLIFF = "CliffWalking-v1"


def damaged() -> Iterator[Any]:
    """What becomes of the attributes of the first environment, innermost layer."""
    strange: list[Any] = [{"a": 1}, [], ["int64"], [[], []], ["fixed"], b"x", set()]
    for value in ("/etc/passwd", "word", 5, ["list", []], ["dict", [[], []]], True):
        yield {"_np_random": value}
    for number in (None, 5):
        for name in ("step", "reset", "env", "spec", "render_mode", "__class__", "action_space"):
            yield {name: number}
    yield from ({"P": value} for value in (0, "", ["list", []], ["generator", 5], ["array", "no"]))
    yield from ({"s": value} for value in ("x", ["list", []], ["int64", "x"], ["int8", 999]))
    yield from ({"s": ["int64", value]} for value in ([5], float("nan"), float("inf"), 2**70))
    yield from ({"s": value} for value in strange)
    yield from ({"s": value} for value in (None, 48, 999_999))  # there are 48 cells
    yield from ({"P": ["dict", value]} for value in (5, [[1], []], [[["list", []]], [1]], None))
    yield from ({"shape": ["deque", value]} for value in ([-1, []], ["x", []], [], 7))
    yield from ({"_cliff": ["array", name]} for name in ("objects", "numbers", "flat", "none", 5))
    yield {"new": 0}
    nested: Any = 0
    for _ in range(100_000):
        nested = ["list", [nested]]
    yield {"shape": nested}


@pytest.mark.parametrize("change", list(damaged()))
def test_damaged_states_are_refused(change: State) -> None:
    env = make(CLIFF)
    env.reset(0)
    env.step(np.zeros(3, np.int64))
    env.step(np.zeros(3, np.int64))
    state = env.state_dict()
    assert state is not None
    state["arrays"] |= {
        "objects": np.array([env], object),
        "numbers": state["arrays"]["0"].astype(float),
        "flat": state["arrays"]["0"].ravel(),
    }
    state["layers"][0][-1].update(change)
    before = vars(env)["_env"]
    with pytest.raises(StateError):
        env.load_state_dict(state)
    assert vars(env)["_env"] is before


@pytest.mark.parametrize(
    "state",
    [
        *({}, {"frame": 5}, {"layers": []}, {"layers": None}, {"layers": [[], [], []]}),
        *({"layers": {"a": 1, "b": 2, "c": 3}}, {"arrays": []}, {"arrays": {}}, {"arrays": None}),
        *({"frame": np.zeros((3, 47), np.float32)}, {"frame": np.zeros((3, 48))}),
    ],
)
def test_halves_of_states_are_refused(state: State) -> None:
    env = make(CLIFF)
    env.reset(0)
    list(play(env, 3, 0))
    whole = env.state_dict()
    assert whole is not None
    with pytest.raises(StateError):
        env.load_state_dict({**whole, **state} if state else {})
    fewer = copy.deepcopy(whole)
    del fewer["layers"][1][-1]["s"]
    with pytest.raises(StateError, match="expected"):
        env.load_state_dict(fewer)


@pytest.mark.parametrize("other", ["Taxi-v4", "CartPole-v1", "FrozenLake-v1"])
def test_the_state_of_another_environment_is_refused(other: str) -> None:
    env, stranger = make(CLIFF), make(other)
    for each in env, stranger:
        each.reset(0)
        list(play(each, 3, 0))
    state = stranger.state_dict()
    assert state is not None
    with pytest.raises(StateError):
        env.load_state_dict(state)
    with pytest.raises(StateError, match="environment"):
        env.load_state_dict({**state, "frame": env.reset(0)})
    with pytest.raises(StateError):
        make(CLIFF, num_envs=2).load_state_dict(env.state_dict() or {})


def test_an_array_is_read_once() -> None:
    array = np.zeros(3)
    writer = Writer()
    written = writer.written([array])
    reader = Reader(writer.arrays, frozenset())
    assert reader.read(written)[0] is not array
    with pytest.raises(LookupError):  # a few bytes must not stand for gigabytes
        reader.read(written)
