"""Long episodes can be gone on with without being played again, and only from proven states."""

import errno
import os
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

from dqn_experiments import state
from dqn_experiments.config.components import build_env
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import StateError
from dqn_experiments.experience.timestep import Beginning, Timestep
from dqn_experiments.machine.signature import signature
from dqn_experiments.train import recorded_env, shortcuts
from dqn_experiments.train.course import MISSES, Course, Reached, check, play
from dqn_experiments.train.player import Player
from dqn_experiments.train.recorded_env import RecordedEnv

NUM_ENVS = 2


@pytest.fixture(autouse=True)
def episodes_are_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Followed after 60 steps, with a state every 10."""
    monkeypatch.setattr(recorded_env, "OF_ALL", 0)
    monkeypatch.setattr(recorded_env, "AT_LEAST", 40)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def make(game: str, seed: int = 0) -> RecordedEnv:
    config = composed(f"env={game}", f"env.num_envs={NUM_ENVS}", "env.terminal_on_life_loss=true")
    return RecordedEnv(build_env(config), np.random.default_rng(seed))


def steps(env: RecordedEnv, seed: int, number: int) -> list[Timestep]:
    """Play at random, never ahead of what follows."""
    rng, played = np.random.default_rng(seed), []
    for _ in range(number):
        played.append(env.step(rng.integers(3, size=NUM_ENVS)))
        while env._shortcuts and env._shortcuts._at and not env._shortcuts._at[1].done():
            sleep(0.001)
    return played


def assert_same(found: list[Timestep], expected: list[Timestep]) -> None:
    for one, other in zip(found, expected, strict=True):
        for name, value in vars(other).items():
            np.testing.assert_array_equal(getattr(one, name), value)


@pytest.fixture
def long_seaquest() -> Iterator[RecordedEnv]:
    with closing(make("seaquest")) as env:
        env.reset()
        steps(env, 1, 130)
        yield env


@pytest.mark.parametrize("game", ["breakout", pytest.param("tetris", marks=pytest.mark.slow)])
def test_a_run_goes_on_from_a_shortcut_again_and_again(game: str, tmp_path: Path) -> None:
    """Within the episode, over its end and over those of the others."""
    env = make(game)
    env.reset()
    used = begun = 0
    for round_ in range(2):
        *_, last = steps(env, round_, 45)
        state.save(tmp_path / "env", env.state_dict())
        saved = state.load(tmp_path / "env")
        used += sum(
            each["since"] <= 3 * 10
            for name, each in saved["shortcuts"].items()
            if name != shortcuts.SIGNATURE
        )
        with closing(make(game, seed=9)) as copy:
            np.testing.assert_array_equal(copy.load_state_dict(saved), last.first_frame)
            expected = steps(env, 10 + round_, 100)
            assert_same(steps(copy, 10 + round_, 100), expected)
            begun += sum(each.done.sum() for each in expected)
            assert copy.state_dict()["rng"] == env.state_dict()["rng"]
            env, copy = copy, env  # and on from there
    env.close()
    assert used >= 2
    assert begun or game == "tetris"


def test_only_what_is_left_is_played_again(
    long_seaquest: RecordedEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = long_seaquest.state_dict()
    with closing(make("seaquest")) as copy:
        played: list[int] = []
        monkeypatch.setattr(copy, "_between_steps", lambda: played.append(1))
        copy.load_state_dict(saved)
    assert len(played) <= NUM_ENVS * 3 * 10


def test_what_stands_still_while_another_plays_is_not_saved(long_seaquest: RecordedEnv) -> None:
    with closing(make("seaquest")) as copy:
        copy._env.state_dict = lambda: pytest.fail("was saved")  # type: ignore[attr-defined]
        copy.load_state_dict(long_seaquest.state_dict())
        saved = copy.state_dict()
    assert saved["base"] is None
    assert saved["shortcuts"]


def test_states_of_strangers_are_not_believed(
    long_seaquest: RecordedEnv,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An emulator takes numbers of its state for addresses."""
    state.save(tmp_path / "env", long_seaquest.state_dict())
    changed, unsigned = state.load(tmp_path / "env"), state.load(tmp_path / "env")
    changed["shortcuts"]["0"]["state"]["emulator"] = [b"what a stranger wrote"]
    del unsigned["shortcuts"][shortcuts.SIGNATURE]
    with closing(make("seaquest")) as copy, caplog.at_level("INFO"):
        assert copy._shortcuts
        assert not copy._shortcuts.usable(changed["shortcuts"])
        assert not copy._shortcuts.usable(unsigned["shortcuts"])
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another user's"))
        copy.load_state_dict(state.load(tmp_path / "env"))
        assert caplog.text.count("not saved with the key of this user and machine") == 3
        assert_same(steps(copy, 3, 30), steps(long_seaquest, 3, 30))


def test_where_a_shortcut_leads_elsewhere_all_is_played_again(long_seaquest: RecordedEnv) -> None:
    player = Player(long_seaquest, Lazy(), (1, 84, 84), np.dtype(np.uint8))  # type: ignore[arg-type]
    player._stack.reset(long_seaquest.step(np.zeros(2, np.int64)).first_frame)
    saved = player.state_dict()
    shortcut = saved["env"]["shortcuts"]["0"]
    shortcut["since"] -= 1
    saved["env"]["shortcuts"] |= shortcuts_signed(saved["env"]["shortcuts"])
    with closing(make("seaquest")) as env:
        copy = Player(env, Lazy(), (1, 84, 84), np.dtype(np.uint8))  # type: ignore[arg-type]
        copy.load_state_dict(saved)
        assert not env._alone
        assert_same(steps(env, 3, 10), steps(long_seaquest, 3, 10))


def test_without_a_home_there_is_no_key_and_so_no_shortcut(
    long_seaquest: RecordedEnv,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    for _ in range(2):
        assert long_seaquest.state_dict()["shortcuts"] == {}
    assert caplog.text.count("without a key to sign with") == 1


def test_a_key_is_made_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            signature({})
    assert signature({}) == signature({})
    folder = Path(os.environ["XDG_CONFIG_HOME"], "dqn_experiments")
    assert [path.name for path in folder.iterdir()] == ["key"]


def test_a_state_of_another_game_is_refused() -> None:
    envs: list[Any] = [build_env(composed(f"env={game}")) for game in ("breakout", "seaquest")]
    singles = [env.single() for env in envs]
    singles[0].begin(0, 0)
    with pytest.raises(StateError, match="emulator: must be the state of a game"):
        singles[1].load_state_dict(singles[0].state_dict())


def test_a_process_that_cannot_be_started_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> Any:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(shortcuts, "Aside", fails)
    with closing(make("seaquest")) as env:
        env.reset()
        steps(env, 1, 80)
        assert "no longer followed (BlockingIOError: Resource" in caplog.text
        assert env.state_dict()["shortcuts"] == {}


def test_a_crash_of_what_follows_costs_nothing_else(
    long_seaquest: RecordedEnv, caplog: pytest.LogCaptureFixture
) -> None:
    following = long_seaquest._shortcuts
    assert following
    for _ in range(shortcuts.CRASHES):
        while following._aside is None or following._at is None:
            long_seaquest.step(np.zeros(NUM_ENVS, np.int64))
        following._aside._process.kill()
        following._aside._process.wait()
        steps(long_seaquest, 4, 20)
    assert "no longer followed" in caplog.text
    with closing(make("seaquest")) as copy:
        copy.load_state_dict(long_seaquest.state_dict())
        assert_same(steps(copy, 3, 30), steps(long_seaquest, 3, 30))


class Lazy:
    """A policy with no state."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert state == {}


def shortcuts_signed(content: dict[str, Any]) -> dict[str, str]:
    unsigned = {name: each for name, each in content.items() if name != shortcuts.SIGNATURE}
    return {shortcuts.SIGNATURE: signature(unsigned)}


class Forgetful:
    """Counts actions, and saves less than it knows at every third of them."""

    savable = True

    def __init__(self) -> None:
        self.count = 0
        self.frame = np.zeros(1, np.uint8)

    def begin(self, seed: int | None, frames: int) -> None:
        self.count = 0

    def step(self, action: int) -> Timestep:
        self.count += action
        self.frame = np.array([self.count], np.uint8)
        one, no = np.ones(1, np.float32), np.zeros(1, bool)
        return Timestep(self.frame[None], one, one, no, no, self.frame[None])

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count if self.count % 3 else 0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


FORGETFUL = pickle.dumps(Forgetful)


def played(steps: int) -> Course:
    course, env = Course(begun={0: Beginning(0, 0)}), Forgetful()
    for _ in range(steps):
        course.actions.append(1)
        course.checks.append(check(env.step(1), 0))
    return course


def extend(course: Course, to: int) -> None:
    course.actions, course.checks = played(to).actions, played(to).checks


def test_a_state_that_does_not_play_on_alike_is_never_used() -> None:
    course = played(9)
    course.learn(play(FORGETFUL, course.left()))
    assert course.start is None  # not yet played on from
    assert course.candidate
    assert course.candidate.state == {"count": 0}
    extend(course, 20)
    course.learn(play(FORGETFUL, course.left()))
    assert course.start is None
    assert not course.failed
    course.learn(play(FORGETFUL, course.left()))  # from the start again
    assert course.candidate == (20, {"count": 20})
    extend(course, 30)
    course.learn(play(FORGETFUL, course.left()))
    assert course.start == {"count": 20}
    assert len(course.actions) == 10


def test_what_never_plays_alike_is_given_up() -> None:
    course = played(9)
    course.checks[4] += 1
    course.learn(play(FORGETFUL, course.left()))
    assert course.failed


def test_what_can_never_be_saved_is_given_up() -> None:
    course = played(9)
    for _ in range(MISSES):
        assert not course.failed
        course.learn(Reached(0, {}))
    assert course.failed
