"""Playing for a score: how long, and what is told of it."""

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqn_experiments.config.compose import composed
from dqn_experiments.run.score import Evaluation
from dqn_experiments.train import scoring
from dqn_experiments.train.policy import EpsilonGreedy

CLIFF = ("env=gymnasium", "env.id=CliffWalking-v1", "network=mlp")
LIMITLESS = "neither evaluation.max_frames nor the environment limits an episode"


class Always(nn.Module):
    """Prefers the same action wherever it is."""

    def __init__(self, action: int, num_actions: int) -> None:
        super().__init__()
        self._values = torch.eye(num_actions)[action]

    def forward(self, observation: Tensor) -> Tensor:
        return self._values.expand(len(observation), -1)


def evaluated(action: int, num_actions: int, *overrides: str, **options: Any) -> Evaluation:
    config = composed("evaluation.epsilon=0", *overrides)
    rng, network = np.random.default_rng(0), Always(action, num_actions)
    policy = EpsilonGreedy(network, lambda x: x, num_actions, rng, 0, torch.device("cpu"))
    return scoring.evaluate(config, policy, 0, **options)


def test_an_agent_that_is_stuck_is_cut_where_nothing_else_limits_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Up the wall for ever, at -1 a step."""
    caplog.set_level(logging.INFO)
    found = evaluated(0, 4, *CLIFF, "evaluation.episodes=2", "evaluation.num_envs=2")
    assert (found.returns, found.lengths) == ([-10_000.0] * 2, [10_000] * 2)
    assert (found.score.cut, found.max_frames) == (2, 10_000)
    assert LIMITLESS in caplog.messages[0]
    assert caplog.messages[1] == (
        "evaluating after 0 steps: 2 episodes of at most 10,000 frames at epsilon 0.0"
    )


@pytest.mark.parametrize(
    ("overrides", "asked", "limit"),
    [
        ((*CLIFF, "env.max_frames=30"), None, 30),
        ((*CLIFF, "evaluation.max_frames=20"), None, 20),
        ((*CLIFF, "env.max_frames=30", "evaluation.max_frames=20"), None, 20),
        ((*CLIFF, "env.max_frames=30", "evaluation.max_frames=20"), 25, 25),
        (("env=cartpole", "network=mlp"), None, 500),  # as registered with gymnasium
        (("env=cartpole", "network=mlp", "env.max_frames=30"), None, 30),
        (("env=pong",), None, 108_000),
        (("experiment=nature_2015",), None, 18_000),
    ],
)
def test_the_limit_that_holds_is_the_one_said_last(
    overrides: tuple[str, ...], asked: int | None, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert scoring.episode_limit(composed(*overrides), asked) == limit
    assert LIMITLESS not in caplog.text


@pytest.mark.parametrize(
    ("own", "limit", "built"), [({"max_frames": 90}, 90, [None]), ({}, 30_000, [None, 30_000])]
)
def test_an_environment_of_ones_own_may_know_its_limit(
    own: dict[str, int], limit: int, built: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int | None] = []
    closed: list[bool] = []
    env = SimpleNamespace(frame_skip=3, close=lambda: closed.append(True), **own)

    def build(config: object, num_envs: int, limit: int | None) -> Any:
        limits.append(limit)
        return env

    monkeypatch.setattr(scoring, "build_env", build)
    assert scoring.episode_limit(composed(*CLIFF)) == limit
    assert limits == built
    assert len(closed) == len(built)


def test_a_limit_holds_for_every_episode() -> None:
    found = evaluated(0, 4, *CLIFF, "evaluation.episodes=5", max_frames=12)
    assert (found.lengths, found.score.cut, found.max_frames) == ([12] * 5, 5, 12)
    whole = evaluated(0, 2, "env=cartpole", "network=mlp", "evaluation.episodes=5")
    assert whole.score.cut == 0  # it falls at once
    assert whole.returns == whole.lengths


def test_a_game_that_was_cut_is_not_held_against_whole_ones() -> None:
    """An agent that does nothing loses 21 to 0, and is at -2 after 400 frames."""
    one = ("env=pong", "evaluation.episodes=1", "evaluation.num_envs=1")
    cut = evaluated(0, 6, *one, "evaluation.max_frames=400")
    assert (cut.returns, cut.lengths, cut.score.cut) == ([-2.0], [100], 1)
    assert (cut.score.human_normalized, cut.score.human_table) == (None, None)
    whole = evaluated(0, 6, *one)
    assert (whole.returns, whole.score.cut, whole.score.human_table) == ([-21.0], 0, "wang_2016")
    assert whole.score.human_normalized == pytest.approx((-21 + 20.7) / (14.6 + 20.7))
    paper = evaluated(0, 6, "experiment=nature_2015", *one)
    assert (paper.returns, paper.lengths, paper.max_frames) == ([-21.0], whole.lengths, 18_000)
    assert paper.score.human_normalized == pytest.approx((-21 + 20.7) / (9.3 + 20.7))
    assert paper.score.human_table == "mnih_2015"


def test_five_minutes_that_are_cut_are_five_minutes() -> None:
    """Of a game that waits for the fire button."""
    one = ("env=breakout", "evaluation.episodes=2", "evaluation.num_envs=2")
    found = evaluated(0, 4, *one, max_frames=18_000)
    assert (found.lengths, found.score.cut) == ([4500, 4500], 2)
    assert found.score.human_normalized == pytest.approx(-1.7 / (31.8 - 1.7))
