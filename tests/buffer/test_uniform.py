"""Which transitions a uniform batch is made of."""

import numpy as np
import pytest

from tests.buffer.slow_replay import Player, make


@pytest.mark.parametrize("replace", [True, False])
def test_every_stored_transition_is_equally_likely(replace: bool) -> None:
    replay = make(num_envs=2, capacity=80, n_step=3, stack=2, replace=replace)
    Player(1, replay, 2).play(200)
    index = np.concatenate([replay.sample().index.numpy() for _ in range(1_500)])
    stored = replay._rings.stored_index(np.arange(len(replay)))
    counts = np.array([(index == each).sum() for each in stored[replay._rings.complete(stored)]])
    assert counts.sum() == len(index)
    expected = len(index) / len(counts)
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert len(counts) > 50
    assert chi_square < len(counts) + 4 * np.sqrt(2 * len(counts))  # 4 standard deviations


def test_without_replacement_no_transition_comes_twice() -> None:
    replay = make(capacity=200, batch_size=100, replace=False)
    Player(2, replay, 1).play(300)
    for _ in range(20):
        assert len(set(replay.sample().index.tolist())) == 100


def test_an_almost_empty_memory_repeats_what_it_has() -> None:
    replay = make(capacity=100, batch_size=32, replace=False)
    Player(4, replay, 1).play(5)
    assert len(replay.sample().index) == 32
