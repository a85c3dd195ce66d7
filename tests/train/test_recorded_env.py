"""Environments that cannot save their state, brought back to where they were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqn_experiments import state
from dqn_experiments.config.components import build_env
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import StateError
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.train import recorded_env
from dqn_experiments.train.recorded_env import RecordedEnv
from dqn_experiments.train.recording import SEEDS

ENVIRONMENTS = {
    "breakout": ["env=breakout", "env.terminal_on_life_loss=true"],
    "seaquest": ["env=seaquest", "env.max_frames=600"],
    "cartpole": ["experiment=cartpole"],
    "cliff": ["experiment=cartpole", "env=gymnasium", "env.id=CliffWalking-v1"],  # no end in sight
}


@pytest.fixture(autouse=True)
def seeds_come_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_env, "SEED_AFTER", 150)
    monkeypatch.setattr(recorded_env, "OF_ALL", 6_400)
    monkeypatch.setattr(recorded_env, "AT_LEAST", 90)


def make(
    name: str, seed: int = 0, num_envs: int = 3, has_state: bool = False, **options: Any
) -> RecordedEnv:
    env = build_env(composed(*ENVIRONMENTS[name], f"env.num_envs={num_envs}"))
    if not has_state:
        env.state_dict = lambda: None  # type: ignore[attr-defined]
    return RecordedEnv(env, np.random.default_rng(seed), **options)


def steps(env: RecordedEnv, rng: np.random.Generator, number: int) -> Iterator[Timestep]:
    for _ in range(number):
        yield env.step(rng.integers(2, size=3))


def assert_same(found: Timestep, expected: Timestep) -> None:
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value)


@pytest.mark.parametrize(
    ("name", "has_state"),
    [
        *((name, False) for name in ENVIRONMENTS if name != "seaquest"),
        pytest.param("seaquest", False, marks=pytest.mark.slow),
        ("cartpole", True),
        ("cliff", True),
    ],
)
def test_a_loaded_record_goes_on_as_if_nothing_had_happened(
    name: str, has_state: bool, tmp_path: Path
) -> None:
    env, rng = make(name, has_state=has_state), np.random.default_rng(1)
    env.reset()
    for number in (1, 500, 13):
        *_, last = steps(env, rng, number)
        state.save(tmp_path / "env", env.state_dict())
        copy = make(name, seed=9, has_state=has_state)
        frame = copy.load_state_dict(state.load(tmp_path / "env"))
        np.testing.assert_array_equal(frame, last.first_frame)
        assert (len(copy.state_dict()["actions"]) == 0) == has_state
        actions = rng.bit_generator.state
        expected = list(steps(env, rng, 250))
        rng.bit_generator.state = actions
        for found, same in zip(steps(copy, rng, 250), expected, strict=True):
            assert_same(found, same)
        copy.close()
    env.close()


def test_the_record_stays_short_and_no_episode_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    env, rng = make("cartpole"), np.random.default_rng(1)
    env.reset()
    longest = ended = 0
    for timestep in steps(env, rng, 3_000):
        longest = max(longest, len(env.state_dict()["actions"]))
        ended += timestep.done.sum()
        goes_on = ~timestep.done  # a seed comes after an episode's end and never makes one
        np.testing.assert_array_equal(timestep.first_frame[goes_on], timestep.frame[goes_on])
    assert ended > 300
    assert longest < 150 + 3 * 100


def test_a_state_is_refused_for_what_can_have_none() -> None:
    env = make("breakout")
    env.reset()
    saved = env.state_dict()
    saved["base"] = {}
    with pytest.raises(StateError, match="base: must be None"):
        make("breakout").load_state_dict(saved)


@pytest.mark.parametrize("at_least", [90, 140])
def test_many_environments_are_seeded_more_often_but_not_too_often(
    at_least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_env, "AT_LEAST", at_least)
    env = make("cartpole", num_envs=64)
    env.reset()
    rng = np.random.default_rng(1)
    longest, ages = 0, [0]
    for step in range(600):
        before = env._age.copy()
        env.step(rng.integers(2, size=64))
        ages += (before[env._age == 0] + 1).tolist()
        if step > 200 and step % 10 == 0:
            longest = max(longest, len(env.state_dict()["actions"]))
    after = max(at_least, recorded_env.OF_ALL // 64)
    assert after <= min(ages[1:]) < after + 20
    assert longest < after + 2 * 100


def test_without_a_seed_being_due_nothing_is_changed() -> None:
    """Playing through the record is playing the environment itself."""
    env, rng = make("breakout"), np.random.default_rng(1)
    seed = int(np.random.default_rng(0).integers(SEEDS))
    plain = build_env(composed(*ENVIRONMENTS["breakout"], "env.num_envs=3"))
    np.testing.assert_array_equal(env.reset(), plain.reset(seed))
    for timestep in steps(env, rng, 100):
        assert_same(timestep, plain.step(env.state_dict()["actions"][-1]))
    env.close()
    plain.close()


@pytest.mark.parametrize(
    "damage",
    [
        {"actions": np.full((5, 3), 99)},
        {"actions": np.zeros((5, 2), np.int64)},
        {"seeding_step": np.array([7])},
        {"seeding_seed": np.array([-1])},
        {"seeding_which": np.array([[True, False, True]])},
        {"seeding_which": np.ones((2, 3), bool)},
        {"age": np.zeros(2, np.int64)},
        {"rng": {}},
    ],
)
def test_a_record_that_does_not_fit_is_refused(damage: dict[str, Any]) -> None:
    env = make("cartpole")
    env.reset()
    list(steps(env, np.random.default_rng(0), 5))
    with pytest.raises(StateError):
        make("cartpole").load_state_dict({**env.state_dict(), **damage})


def test_playing_again_can_be_interrupted() -> None:
    env = make("cartpole")
    env.reset()
    list(steps(env, np.random.default_rng(0), 5))

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make("cartpole", between_steps=stop).load_state_dict(env.state_dict())
