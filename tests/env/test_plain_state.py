"""Environments whose attributes are all their state go on from it; nothing else is believed."""

from collections import deque
from pathlib import Path
from typing import Any, ClassVar
from zipfile import ZipFile

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from dqn_experiments.env.gymnasium import GymnasiumEnv
from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.state import State, load, save
from tests.env.playing import make, play

FAMILIES = ("toy_text", "classic_control", "box2d")
IDS = [
    env_id
    for env_id, spec in gymnasium.registry.items()
    if any(f"gymnasium.envs.{family}" in str(spec.entry_point) for family in FAMILIES)
]


def through_a_file(state: State | None, path: Path) -> State:
    assert state is not None
    save(path, state)
    return load(path)


def goes_on(env: GymnasiumEnv, other: GymnasiumEnv, path: Path) -> bool:
    """Whether one that is given the state of another plays as that does, and is saved as that."""
    other.load_state_dict(through_a_file(env.state_dict(), path))
    pairs = zip(play(env, 200, 7), play(other, 200, 7), strict=True)
    alike = all(np.array_equal(one, two) for one, two in pairs)
    return alike and _members(path, env.state_dict()) == _members(path, other.state_dict())


def _members(path: Path, state: State | None) -> dict[str, bytes]:
    """What a file of a state holds; the file itself has the time as well."""
    save(path, state or {})
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("max_frames", [None, 70])
@pytest.mark.parametrize("env_id", IDS)
def test_another_one_goes_on_alike(env_id: str, max_frames: int | None, tmp_path: Path) -> None:
    try:
        env = make(env_id, max_frames=max_frames)
    except ConfigError as error:
        pytest.skip(str(error))
    env.reset(3)
    list(play(env, 130, 5))
    if "box2d" in str(gymnasium.spec(env_id).entry_point):
        assert env.state_dict() is None
        return
    other = make(env_id, max_frames=max_frames)
    other.reset(4)
    list(play(other, 31, 6))
    assert goes_on(env, other, tmp_path / "env.state")


def test_a_map_drawn_when_made_is_brought_along(tmp_path: Path) -> None:
    env, other = (make("FrozenLake-v1", kwargs={"desc": None}) for _ in range(2))
    env.reset(3)
    list(play(env, 100, 5))
    assert goes_on(env, other, tmp_path / "env.state")


def test_to_save_changes_nothing() -> None:
    env, other = make("CliffWalkingSlippery-v1"), make("CliffWalkingSlippery-v1")
    env.reset(3)
    other.reset(3)
    for one, two in zip(play(env, 10, 5), play(other, 10, 5), strict=True):
        assert np.array_equal(one, two)
        assert other.state_dict() is not None


class Walk(gymnasium.Env[Any, Any]):
    """Counts, as plainly as can be; its kinds do something about it that is not."""

    elsewhere: Any = 0  # in the class
    books: ClassVar[list[int]] = []  # as in a library that gives a number for what it holds

    def __init__(self, kind: str = "plain", file: str = "/tmp/walk") -> None:
        self.action_space = Discrete(2, start=5)
        self.observation_space = Box(-1e6, 1e6, (1,), np.float64)
        self.kind, self.file, self.number = kind, file, len(Walk.books)
        Walk.books.append(0)
        self.recent: Any = deque(maxlen=3)
        self.tables = {(1, "a b"): [np.float32(0.1)], None: ({"x": float("nan")},)}
        self.thing: Any = np.tanh if kind == "object" else None
        self.rule: Any = (lambda: self) if kind == "closure" else min

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.total = 0.0
        self.phase = "day"
        Walk.elsewhere = 0
        return self.observation(), {}

    def step(self, action: Any) -> Any:
        self.total += float(self.np_random.normal()) * (action - 4) + len(self.recent)
        self.recent.append(self.total)
        self.phase = "night" if self.total > 0 else "day"
        self.change()
        return self.observation(), self.total, abs(self.total) > 60, False, {}

    def change(self) -> None:
        if self.kind == "alias":
            self.thing = [self.recent]
        elif self.kind == "view":
            self.thing = [table := np.zeros(3), table[1:]]
        elif self.kind == "columns":
            self.thing = np.zeros((2, 2)).T
        elif self.kind == "endless":
            self.thing = []
            self.thing.append(self.thing)
        elif self.kind == "subclass":
            self.thing = type("Numbers", (list,), {})()
        elif self.kind == "set":
            self.thing = {1}
        elif self.kind == "rule":
            self.rule = max if self.total > 20 else min
        elif self.kind == "file":
            self.file = f"/tmp/{self.total}"
        elif self.kind == "sample":
            self.thing = int(self.action_space.sample())
        elif self.kind == "spawn":
            self.np_random.spawn(1)
        elif self.kind == "stream":
            self.thing = np.random.Generator(np.random.MT19937(0))
        elif self.kind == "elsewhere":
            Walk.elsewhere += 1
            self.total += Walk.elsewhere
        elif self.kind == "number":
            Walk.books[self.number] += 1
            self.total += Walk.books[self.number]
        elif self.kind == "new attribute" and self.total > 20:
            self.later = 1
        elif self.kind == "raises" and len(self.recent) == 3:
            raise RuntimeError("no more")

    def observation(self) -> Any:
        return np.array([self.total])


class SlottedWalk(Walk):
    """Has an attribute that is not among the others."""

    __slots__ = ("hidden",)


gymnasium.register("Walk-v0", f"{__name__}:Walk")
gymnasium.register("SlottedWalk-v0", f"{__name__}:SlottedWalk")


def test_one_of_ones_own_goes_on(tmp_path: Path) -> None:
    env, other = make("Walk-v0"), make("Walk-v0")
    env.reset(3)
    list(play(env, 130, 5))
    assert goes_on(env, other, tmp_path / "env.state")


@pytest.mark.parametrize(
    "kind",
    [
        *("alias", "view", "columns", "endless", "subclass", "set", "object", "closure", "rule"),
        *("file", "sample", "spawn", "stream", "elsewhere", "number", "new attribute", "raises"),
    ],
)
def test_what_is_not_plain_has_no_state(kind: str) -> None:
    env = make("Walk-v0", kwargs={"kind": kind}, num_envs=1)
    env.reset(0)
    while kind != "raises" and env.step(np.array([1])).score.sum() <= 20:
        pass
    assert env.state_dict() is None
    plain = make("Walk-v0", num_envs=1)
    plain.reset(0)
    plain.step(np.array([1]))
    plain.step(np.array([1]))
    if kind in ("elsewhere", "number", "object", "closure", "raises"):
        with pytest.raises(StateError, match="not plain data"):
            env.load_state_dict(plain.state_dict() or {})


def test_slots_and_what_environments_share_have_no_state() -> None:
    env = make("SlottedWalk-v0")
    env.reset(0)
    assert env.state_dict() is None
    env = make("Walk-v0", kwargs={"file": ["a", "b"]})  # one list for all
    env.reset(0)
    env.step(np.zeros(3, np.int64))
    env.step(np.zeros(3, np.int64))
    assert env.state_dict() is None
