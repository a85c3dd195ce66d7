"""Dopamine's single runs against its curves, which came as means and ranges of the same runs."""

import numpy as np
import pytest

from dqn_experiments.reference import published_agents, published_curve, published_runs


@pytest.mark.parametrize("agent", ["DQN", "IQN"])
@pytest.mark.parametrize("game", ["breakout", "pong"])
def test_single_runs_have_the_mean_and_the_range_of_the_curve(game: str, agent: str) -> None:
    runs, curve = published_runs(game, agent), published_curve(game, agent)
    assert runs is not None
    assert runs.shape[0] == 5
    length = min(runs.shape[1], len(curve.mean))
    assert length >= 199
    for ours, theirs in (
        (runs.mean(axis=0), curve.mean),
        (runs.min(axis=0), curve.low),
        (runs.max(axis=0), curve.high),
    ):
        np.testing.assert_allclose(ours[:length], theirs[:length], rtol=2e-3, atol=2e-3)


def test_agents_and_games_that_nobody_published_are_not_there() -> None:
    assert published_agents() == ["C51", "DQN", "DQN-Adam", "IQN", "QR-DQN", "Rainbow"]
    assert published_agents("2024-impala") == ["C51", "DQN", "IQN", "QR-DQN", "Rainbow"]
    assert published_runs("breakout", "A3C") is None
    assert published_runs("CartPole-v1", "DQN") is None
