"""Prioritized replay against the formulas of Schaul et al. 2016."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.buffer.slow_replay import Player, check, make

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
    check(replay)


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


def test_mixed_frequencies_and_weights_are_those_of_the_formula() -> None:
    """P = (1 - u) p^alpha / sum + u / N, as DQN Zoo has it."""
    mix = 0.4
    replay, index, _ = filled(uniform_mix=mix)
    error = np.random.default_rng(0).normal(size=len(index)).astype(np.float32) * 30
    error[::3] = 0  # hardly drawn without the mix
    set_errors(replay, index, error)
    p = (np.abs(error.astype(float)) + EPSILON) ** ALPHA
    probability = (1 - mix) * p / p.sum() + mix / len(index)
    of = dict(zip(index.tolist(), probability, strict=True))
    found, draws = dict.fromkeys(index.tolist(), 0), 3_000
    for _ in range(draws):
        batch = replay.sample()
        drawn = batch.index.tolist()
        weight = (len(index) * np.array([of[each] for each in drawn])) ** -BETA
        np.testing.assert_allclose(batch.weight, weight / weight.max(), rtol=1e-5)
        for each in drawn:
            found[each] += 1
    expected = draws * 16 * probability
    chi_square = ((np.array(list(found.values())) - expected) ** 2 / expected).sum()
    assert chi_square < len(index) + 4 * np.sqrt(2 * len(index))


def test_a_mix_of_1_is_uniform() -> None:
    replay, index, _ = filled(uniform_mix=1.0)
    set_errors(replay, index, np.random.default_rng(0).normal(size=len(index)) * 100)
    batches = [replay.sample() for _ in range(len(index))]
    assert all((batch.weight == 1).all() for batch in batches)
    drawn, times = np.unique([batch.index.tolist() for batch in batches], return_counts=True)
    assert drawn.tolist() == sorted(index.tolist())
    assert times.max() < 16 + 5 * np.sqrt(16)


def test_the_number_that_can_be_drawn_is_known_at_any_time_and_after_a_restart() -> None:
    replay, _, player = filled(steps=4, uniform_mix=0.5)
    for _ in range(60):
        player.play(3)
        replay.sample()
        assert replay._drawable == np.count_nonzero(replay._tree.leaves)
    other = make("prioritized", 2, 2, capacity=80, n_step=3, read_ahead=False, uniform_mix=0.5)
    other.load_state_dict(replay.state_dict())
    for _ in range(10):
        first, second = replay.sample(), other.sample()
        assert torch.equal(first.index, second.index)
        assert torch.equal(first.weight, second.weight)


def test_priorities_are_clipped_where_they_are_given() -> None:
    replay, index, player = filled(max_priority=100.0)
    error = np.full(len(index), 0.5)
    error[:3] = 99, 101, 1e6
    set_errors(replay, index, error)
    replay.sample()
    leaves = replay._tree.leaves[replay._leaf(index[:4])]
    np.testing.assert_allclose(leaves, (np.array([99, 100, 100, 0.5]) + EPSILON) ** ALPHA)
    player.play(5)
    replay.sample()
    assert replay._tree.leaves.max() == leaves.max()  # of new ones too


def test_new_transitions_obey_a_bound_below_1() -> None:
    replay, index, _ = filled(max_priority=0.25)
    replay.sample()
    np.testing.assert_allclose(replay._tree.leaves[replay._leaf(index)], 0.25**ALPHA)


@pytest.mark.parametrize(("read_ahead", "late"), [(False, 0), (True, 1)])
def test_the_batch_after_an_update_reflects_its_priorities(read_ahead: bool, late: int) -> None:
    """Or, where that was drawn already, the one after it."""
    replay = make("prioritized", n_step=1, read_ahead=read_ahead)
    Player(1, replay, 1).play(60)
    index = replay.sample().index
    drawn = np.unique(index.numpy())
    for chosen in drawn[:3]:
        priority = torch.where(torch.from_numpy(drawn) == chosen, 1e12, 0.0)
        replay.update(torch.from_numpy(drawn), priority)
        for number in range(late + 1):
            batch = replay.sample().index.numpy()
            assert ((batch == chosen).mean() > 0.9) == (number == late), number
