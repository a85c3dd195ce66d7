"""Scores against what the episodes of a made-up game are known to be worth."""

import statistics

import numpy as np
import pytest
from numpy.typing import NDArray

from dqn_experiments.evaluation.fixed_quota import FixedQuota
from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.machine import episode_progress


class ShortOrLong:
    """Episodes of 1 or 20 steps, a point a step, as a seeded coin falls; another cuts some.

    It keeps a list of what each environment played.
    """

    observation_kind = "vector"
    observation_shape: tuple[int, ...] = (1, 1)
    num_actions = frame_skip = 1
    dtype: np.dtype[np.generic] = np.dtype(np.float32)

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.played: list[list[PlayedEpisode]] = [[] for _ in range(num_envs)]
        self._points = [0.0] * num_envs
        self._steps = [0] * num_envs

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
        cut = self._rng.random(self.num_envs) < 0.3
        frame = np.zeros((self.num_envs, 1), np.float32)
        point = np.ones(self.num_envs, np.float32)
        for env in range(self.num_envs):
            self._points[env] += point[env]
            self._steps[env] += 1
            if done[env]:
                episode = PlayedEpisode(self._points[env], self._steps[env], bool(cut[env]))
                self.played[env].append(episode)
                self._points[env] = self._steps[env] = 0
        return Timestep(frame, point, point, done & ~cut, done, frame)

    def close(self) -> None:
        pass


class Idle:
    def act(
        self, observation: NDArray[np.generic], epsilon: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return np.zeros(len(observation), np.int64), np.zeros(len(observation), np.float32)


def quota(episodes: int, num_envs: int) -> FixedQuota:
    return FixedQuota(
        every=0, episodes=episodes, epsilon=0, num_envs=num_envs, max_frames=None, video=False
    )


def play(episodes: int, num_envs: int, seed: int = 0) -> list[PlayedEpisode]:
    evaluator = quota(episodes, num_envs)
    return evaluator.run(ShortOrLong(evaluator.num_envs), Idle(), seed, lambda: None)


@pytest.mark.parametrize(("episodes", "num_envs"), [(1, 10), (7, 3), (50, 10), (50, 1)])
def test_exactly_as_many_whole_episodes_as_asked_for(episodes: int, num_envs: int) -> None:
    played = play(episodes, num_envs)
    assert len(played) == episodes
    assert {episode.episode_return for episode in played} <= {1.0, 20.0}


@pytest.mark.parametrize(("quotas"), [[1], [3, 2, 2], [5] * 10, [50], [4, 4, 4, 3]])
def test_they_are_the_first_of_each_environment(quotas: list[int]) -> None:
    """With their lengths, and whether it was a limit that ended them."""
    env = ShortOrLong(len(quotas))
    played = quota(sum(quotas), len(quotas)).run(env, Idle(), 5, lambda: None)
    expected = []
    for number, episodes in zip(quotas, env.played, strict=True):
        expected += episodes[:number]
    assert played == expected
    if len(played) > 20:
        assert {episode.cut for episode in played} == {True, False}


def test_short_episodes_are_not_favoured() -> None:
    """Half are long; the first 50 to end, among 50 environments, would nearly all be short."""
    means = [
        statistics.fmean(episode.episode_return for episode in play(50, 50, seed))
        for seed in range(40)
    ]
    assert statistics.fmean(means) == pytest.approx(10.5, abs=1.0)


def test_what_between_steps_raises_ends_it() -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        quota(5, 2).run(ShortOrLong(2), Idle(), 0, stop)


def test_it_says_how_far_it_is_where_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    play(4, 2)
    assert not caplog.messages  # as it did not take half a minute
    monkeypatch.setattr(episode_progress, "SECONDS_BETWEEN_LINES", 0)
    env = ShortOrLong(2)
    quota(4, 2).run(env, Idle(), 0, lambda: None)
    first, *_, last = caplog.messages
    assert first.startswith("evaluation: ")
    assert first.endswith(" of 4 episodes, 2 steps so far")
    steps = 2 * max(sum(each.length for each in episodes[:2]) for episodes in env.played)
    assert last == f"evaluation: 4 of 4 episodes, {steps} steps so far"
