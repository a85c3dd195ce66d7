"""Dopamine's single runs against means and ranges of the same runs, which came from it apart."""

import numpy as np
import pytest

from dqn_experiments.reference import published_agents, published_runs


@pytest.mark.parametrize(
    ("game", "agent", "iteration", "mean", "low", "high"),
    [
        ("breakout", "DQN", 0, 1.6409, 1.5711, 1.6993),
        ("breakout", "DQN", 9, 21.483, 19.259, 28.51),
        ("breakout", "DQN", 198, 96.235, 77.776, 110.7),
        ("pong", "IQN", 0, -19.416, -19.664, -19.114),
        ("pong", "IQN", 99, 20.055, 19.934, 20.218),
    ],
)
def test_single_runs_have_the_mean_and_the_range_of_all(
    game: str, agent: str, iteration: int, mean: float, low: float, high: float
) -> None:
    runs = published_runs(game, agent)
    assert runs is not None
    assert runs.shape[0] == 5
    found = [getattr(runs[:, iteration], name)() for name in ("mean", "min", "max")]
    np.testing.assert_allclose(found, [mean, low, high], rtol=1e-3)


def test_agents_and_games_that_nobody_published_are_not_there() -> None:
    assert published_agents() == ["C51", "DQN", "DQN-Adam", "IQN", "QR-DQN", "Rainbow"]
    assert published_agents("2024-impala") == ["C51", "DQN", "IQN", "QR-DQN", "Rainbow"]
    assert published_runs("breakout", "A3C") is None
    assert published_runs("CartPole-v1", "DQN") is None
