"""Scores against what the episodes of a made-up game are known to be worth."""

import statistics

import numpy as np
import pytest
from numpy.typing import NDArray

from dqn_experiments.evaluation.fixed_quota import FixedQuota
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.reference import human_normalized
from dqn_experiments.run.score import Score


class ShortOrLong:
    """Episodes of 1 or 20 steps, a point a step, as a seeded coin falls."""

    observation_kind = "vector"
    observation_shape: tuple[int, ...] = (1, 1)
    num_actions = frame_skip = 1
    dtype: np.dtype[np.generic] = np.dtype(np.float32)

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def reset(self, seed: int, which: NDArray[np.bool_] | None = None) -> NDArray[np.generic]:
        self._rng = np.random.default_rng(seed)
        self._left = self._lengths()
        return np.zeros((self.num_envs, 1), np.float32)

    def _lengths(self) -> NDArray[np.int64]:
        return self._rng.choice([1, 20], size=self.num_envs)

    def step(self, action: NDArray[np.int64]) -> Timestep:
        self._left -= 1
        done = self._left == 0
        self._left = np.where(done, self._lengths(), self._left)
        frame = np.zeros((self.num_envs, 1), np.float32)
        point = np.ones(self.num_envs, np.float32)
        return Timestep(frame, point, point, done, done, frame)

    def close(self) -> None:
        pass


class Idle:
    def act(
        self, observation: NDArray[np.generic], epsilon: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return np.zeros(len(observation), np.int64), np.zeros(len(observation), np.float32)


def play(episodes: int, num_envs: int, seed: int = 0) -> list[float]:
    quota = FixedQuota(every=0, episodes=episodes, epsilon=0, num_envs=num_envs, max_frames=None)
    return quota.run(ShortOrLong(quota.num_envs), Idle(), seed, lambda: None)


@pytest.mark.parametrize(("episodes", "num_envs"), [(1, 10), (7, 3), (50, 10), (50, 1)])
def test_exactly_as_many_whole_episodes_as_asked_for(episodes: int, num_envs: int) -> None:
    returns = play(episodes, num_envs)
    assert len(returns) == episodes
    assert set(returns) <= {1.0, 20.0}


def test_short_episodes_are_not_favoured() -> None:
    """Half are long; the first 50 to end, among 50 environments, would nearly all be short."""
    means = [statistics.fmean(play(50, 50, seed)) for seed in range(40)]
    assert statistics.fmean(means) == pytest.approx(10.5, abs=1.0)


def test_what_between_steps_raises_ends_it() -> None:
    def stop() -> None:
        raise InterruptedError

    quota = FixedQuota(every=0, episodes=5, epsilon=0, num_envs=2, max_frames=None)
    with pytest.raises(InterruptedError):
        quota.run(ShortOrLong(2), Idle(), 0, stop)


def test_statistics_are_numpys() -> None:
    returns = [3.0, 1.0, 4.0, 1.0, 5.0]
    score = Score.of(returns, "breakout")
    assert score.mean == pytest.approx(np.mean(returns))
    assert score.std == pytest.approx(np.std(returns))
    assert score.median == np.median(returns)
    assert (score.min, score.max) == (1.0, 5.0)
    assert score.human_normalized == pytest.approx((np.mean(returns) - 1.7) / (30.5 - 1.7))


def test_human_normalized_is_0_for_random_and_1_for_human() -> None:
    assert human_normalized("pong", -20.7) == 0
    assert human_normalized("pong", 14.6) == 1
    assert human_normalized("CartPole-v1", 500) is None
