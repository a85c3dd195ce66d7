from typing import Any

import gymnasium
import numpy as np
import pytest

from dqn_experiments.env.gymnasium import GymnasiumEnv
from dqn_experiments.errors import ConfigError


def make(env_id: str, **changes: Any) -> GymnasiumEnv:
    arguments: dict[str, Any] = {
        "num_envs": 2,
        "frame_stack": 1,
        "clip_rewards": False,
        "max_frames": None,
        "kwargs": {},
    }
    return GymnasiumEnv(id=env_id, **{**arguments, **changes})


def test_frames_and_ends_are_gymnasiums() -> None:
    env = make("CartPole-v1", num_envs=1)
    peer = gymnasium.make("CartPole-v1")
    assert (env.reset(3)[0] == peer.reset(seed=3)[0]).all()
    rng = np.random.default_rng(0)
    for _ in range(200):
        action = rng.integers(2, size=1)
        timestep = env.step(action)
        frame, reward, terminated, truncated, _ = peer.step(action[0])
        np.testing.assert_array_equal(timestep.frame[0], frame)  # the last one where it ends
        assert timestep.score[0] == reward
        assert (timestep.terminal[0], timestep.done[0]) == (terminated, terminated or truncated)
        if timestep.done[0]:
            assert (timestep.first_frame[0] == peer.reset()[0]).all()


def test_a_time_limit_is_not_terminal() -> None:
    env = make("MountainCar-v0")
    env.reset(0)
    for step in range(1, 201):
        timestep = env.step(np.zeros(2, np.int64))
        assert timestep.done.all() == (step == 200)
        assert not timestep.terminal.any()


def test_a_time_limit_of_ones_own() -> None:
    env = make("CliffWalking-v1", max_frames=7)  # has none by itself
    env.reset(0)
    ends = [bool(env.step(np.zeros(2, np.int64)).done.all()) for _ in range(7)]
    assert ends == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("env_id", "own", "limit"),
    [("CartPole-v1", None, 500), ("CartPole-v1", 7, 7), ("CliffWalking-v1", None, None)],
)
def test_it_knows_its_time_limit(env_id: str, own: int | None, limit: int | None) -> None:
    assert make(env_id, max_frames=own).max_frames == limit


@pytest.mark.parametrize(
    ("env_id", "shape", "actions"),
    [("Taxi-v4", (1, 500), 6), ("Blackjack-v1", (1, 45), 2), ("Acrobot-v1", (1, 6), 3)],
)
def test_any_observation_of_fixed_size_becomes_a_vector(
    env_id: str, shape: tuple[int, ...], actions: int
) -> None:
    env = make(env_id)
    assert (env.observation_shape, env.num_actions) == (shape, actions)
    assert env.reset(0).shape == (2, *shape[1:])
    assert env.step(np.zeros(2, np.int64)).frame.dtype == np.float32


def test_actions_must_be_discrete() -> None:
    with pytest.raises(ConfigError, match=r"env.id=Pendulum-v1: actions are Box.*, not Discrete"):
        make("Pendulum-v1")
