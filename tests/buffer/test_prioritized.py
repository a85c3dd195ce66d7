"""Prioritized replay against the formulas of Schaul et al. 2016."""

from typing import Any

import numpy as np
import torch

from tests.buffer.slow_replay import Player, make

ALPHA, BETA, EPSILON = 0.6, 0.5, 1e-6


def filled(steps: int = 200, **changes: Any) -> tuple[Any, np.ndarray, Player]:
    """A memory, the index of all that can be drawn from it, and who fills it."""
    replay = make("prioritized", 2, 2, capacity=80, n_step=3, read_ahead=False, **changes)
    player = Player(1, replay, 2)
    player.play(steps)
    stored = replay._rings.stored_index(np.arange(len(replay)))
    return replay, stored[replay._rings.complete(stored)], player


def set_errors(replay: Any, index: np.ndarray, error: np.ndarray) -> None:
    replay.sample()  # new transitions get their first priority
    replay.update(torch.from_numpy(index), torch.from_numpy(np.abs(error)))


def test_frequencies_are_those_of_the_formula() -> None:
    replay, index, _ = filled()
    error = np.random.default_rng(0).normal(size=len(index)).astype(np.float32) * 3
    set_errors(replay, index, error)
    priority = (np.abs(error.astype(float)) + EPSILON) ** ALPHA
    draws = 4_000
    drawn = np.concatenate([replay.sample().index.numpy() for _ in range(draws)])
    found = np.array([(drawn == each).sum() for each in index])
    assert found.sum() == len(drawn)
    expected = len(drawn) * priority / priority.sum()
    chi_square = float(((found - expected) ** 2 / expected).sum())
    assert chi_square < len(index) + 4 * np.sqrt(2 * len(index))


def test_weights_are_those_of_the_formula() -> None:
    replay, index, _ = filled()
    error = np.random.default_rng(0).normal(size=len(index)).astype(np.float32)
    set_errors(replay, index, error)
    priority = dict(
        zip(index.tolist(), (np.abs(error.astype(float)) + EPSILON) ** ALPHA, strict=True)
    )
    total = sum(priority.values())
    for _ in range(50):
        batch = replay.sample()
        probability = np.array([priority[each] for each in batch.index.tolist()]) / total
        weight = (len(index) * probability) ** -BETA
        np.testing.assert_allclose(batch.weight, weight / weight.max(), rtol=1e-5)


def test_a_batch_is_stratified() -> None:
    """Each of 16 equal ranges of the total gives one: nothing comes more often than that allows."""
    replay, index, _ = filled()
    set_errors(replay, index, np.ones(len(index), np.float32))
    for _ in range(50):
        _, times = np.unique(replay.sample().index.numpy(), return_counts=True)
        assert times.max() <= 2


def test_new_transitions_have_the_largest_priority_there_has_been() -> None:
    replay, index, player = filled()
    set_errors(replay, index, np.where(np.arange(len(index)) == 7, 50.0, 0.1))
    replay.update(torch.from_numpy(index), torch.full((len(index),), 0.1))
    player.play(5)
    replay.sample()
    stored = replay._rings.stored_index(np.arange(len(replay)))
    new = np.setdiff1d(stored[replay._rings.complete(stored)], index)
    leaves = replay._tree.leaves[replay._leaf(new)]
    assert len(new) > 3
    np.testing.assert_allclose(leaves, (50.0 + EPSILON) ** ALPHA)


def test_the_priority_of_what_was_overwritten_changes_nothing() -> None:
    replay, index, player = filled()
    set_errors(replay, index, np.ones(len(index), np.float32))
    player.play(200)
    replay.sample()
    before = replay._tree.leaves.copy()
    replay.update(torch.from_numpy(index), torch.full((len(index),), 9.0))
    assert (replay._tree.leaves == before).all()
    replay.check()


def test_beta_follows_its_schedule_of_agent_steps() -> None:
    asked = []

    def beta(step: int) -> float:
        asked.append(step)
        return 0.0

    replay, index, player = filled(steps=50, beta=beta)
    set_errors(replay, index, np.random.default_rng(0).normal(size=len(index)))
    assert (replay.sample().weight == 1).all()  # no correction at 0
    player.play(10)
    replay.sample()
    assert asked == [100, 100, 120]  # two environments


def test_alpha_0_is_uniform() -> None:
    replay, index, _ = filled(alpha=0.0)
    set_errors(replay, index, np.random.default_rng(0).normal(size=len(index)))
    batches = [replay.sample() for _ in range(len(index))]
    assert all((batch.weight == 1).all() for batch in batches)
    drawn = np.concatenate([batch.index.numpy() for batch in batches])
    _, times = np.unique(drawn, return_counts=True)
    assert len(times) == len(index)
    assert times.max() < 16 + 4 * np.sqrt(16)
