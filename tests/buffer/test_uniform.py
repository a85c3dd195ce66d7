"""Replay memory against a slow one that keeps whole episodes in lists."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn_experiments.buffer.uniform import UniformReplay
from dqn_experiments.timestep import Timestep

DISCOUNT = 0.9


@dataclass
class SlowEpisode:
    frames: list[float]
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminals: list[bool] = field(default_factory=list)

    def stack(self, t: int, stack: int) -> list[float]:
        return [self.frames[max(0, t - back)] for back in reversed(range(stack))]

    def transition(self, t: int, n: int, stack: int) -> tuple[object, ...]:
        """Written as the definition of an n-step transition reads."""
        reward, discount, end = 0.0, 1.0, t
        while end < min(t + n, len(self.actions)):
            reward += discount * self.rewards[end]
            discount *= DISCOUNT
            end += 1
            if self.terminals[end - 1]:
                discount = 0.0
                break
        return self.stack(t, stack), self.actions[t], reward, discount, self.stack(end, stack)


def play(
    rng: np.random.Generator, replay: UniformReplay, num_envs: int, steps: int
) -> list[list[SlowEpisode]]:
    """Random episodes into `replay` and into lists; every frame is a number of its own."""
    names = iter(range(10**6))

    def frames() -> np.ndarray:
        return np.array([[next(names)] for _ in range(num_envs)], np.float32)

    first = frames()
    replay.reset(first)
    slow = [[SlowEpisode([float(first[env, 0])])] for env in range(num_envs)]
    for _ in range(steps):
        action = rng.integers(4, size=num_envs)
        reward = rng.normal(size=num_envs).astype(np.float32)
        terminated, truncated, life = (rng.random(num_envs) < p for p in (0.1, 0.05, 0.05))
        done = terminated | truncated
        frame = frames()
        after = np.where(done[:, None], frames(), frame)
        terminal = terminated | life
        replay.add(action, Timestep(frame, reward, reward, terminal, done, after))
        for env, episodes in enumerate(slow):
            episode = episodes[-1]
            episode.frames.append(float(frame[env, 0]))
            episode.actions.append(int(action[env]))
            episode.rewards.append(float(reward[env]))
            episode.terminals.append(bool(terminal[env]))
            if done[env]:
                episodes.append(SlowEpisode([float(after[env, 0])]))
    return slow


def make(num_envs: int, capacity: int, n_step: int, stack: int, **changes: Any) -> UniformReplay:
    arguments: dict[str, Any] = {"batch_size": 16, "replace": True, "discount": DISCOUNT, **changes}
    rng, device = np.random.default_rng(0), torch.device("cpu")
    return UniformReplay(
        num_envs, (stack, 1), np.float32, rng, device, capacity=capacity, n_step=n_step, **arguments
    )


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_envs=st.integers(1, 3),
    n_step=st.integers(1, 10),
    stack=st.integers(1, 4),
    length=st.integers(20, 60),
    steps=st.integers(15, 300),
)
def test_every_sample_is_a_transition_that_was_added(
    seed: int, num_envs: int, n_step: int, stack: int, length: int, steps: int
) -> None:
    replay = make(num_envs, length * num_envs, n_step, stack)
    slow = play(np.random.default_rng(seed), replay, num_envs, steps)
    by_first_frame = {
        episode.frames[t]: episode.transition(t, n_step, stack)
        for episodes in slow
        for episode in episodes
        for t in range(len(episode.actions))
    }
    for _ in range(5):
        batch = replay.sample()
        for row in range(len(batch.action)):
            observation, action, reward, discount, next_observation = by_first_frame[
                float(batch.observation[row, -1, 0])
            ]
            assert batch.observation[row, :, 0].tolist() == observation
            assert batch.action[row] == action
            assert float(batch.reward[row]) == pytest.approx(reward, abs=1e-5)
            assert float(batch.discount[row]) == pytest.approx(discount, abs=1e-6)
            assert batch.next_observation[row, :, 0].tolist() == next_observation


def test_every_stored_transition_is_equally_likely() -> None:
    replay = make(2, 80, 3, 2, batch_size=20_000)
    play(np.random.default_rng(1), replay, 2, 200)
    _, counts = np.unique(replay.sample().index.numpy(), return_counts=True)
    expected = counts.sum() / len(counts)
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert len(counts) > 50
    assert chi_square < len(counts) + 4 * np.sqrt(2 * len(counts))  # 4 standard deviations


def test_without_replacement_no_transition_comes_twice() -> None:
    replay = make(1, 200, 1, 1, batch_size=100, replace=False)
    play(np.random.default_rng(2), replay, 1, 300)
    for _ in range(20):
        assert len(set(replay.sample().index.tolist())) == 100


def test_the_last_episode_of_a_full_ring_is_all_there() -> None:
    """Capacity counts frames: after wrapping many times the newest `capacity` are kept."""
    replay = make(1, 50, 1, 1, batch_size=5_000)
    slow = play(np.random.default_rng(3), replay, 1, 1_000)
    frames = [frame for episode in slow[0] for frame in episode.frames]
    sampled = set(replay.sample().observation[:, -1, 0].tolist())
    finals = {episode.frames[-1] for episode in slow[0]}
    assert sampled == set(frames[-50:]) - finals


def test_an_almost_empty_memory_repeats_what_it_has() -> None:
    replay = make(1, 100, 1, 1, batch_size=32, replace=False)
    play(np.random.default_rng(4), replay, 1, 5)
    assert len(replay.sample().index) == 32
