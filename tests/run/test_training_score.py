"""Scores that are returns of training, and what a score says of its protocol."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dqn_experiments as dqn
from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.run.record import Episode, Record
from dqn_experiments.run.score import Evaluation, Score
from dqn_experiments.run.training_score import TrainingScore, training_score

STEP = 1_000_000


def write_history(run_dir: Path, episodes: list[tuple[int, float]]) -> None:
    record = Record(run_dir, None, 4)
    record.start()
    for step, score in episodes:
        record.episode(Episode(step, score, 10, 0.1, float("nan"), float("nan")))
    record.close(0)


@pytest.fixture
def episodes(tmp_path: Path) -> list[tuple[int, float]]:
    rng = np.random.default_rng(3)
    steps = np.sort(rng.integers(1, 1_500_000, 700)).tolist()
    steps += [STEP - 250_000, STEP - 249_999, STEP, STEP + 1]
    found = [(step, float(rng.integers(-21, 22))) for step in sorted(steps)]
    write_history(tmp_path, found)
    return found


def test_dopamines_is_of_the_last_iteration(
    episodes: list[tuple[int, float]], tmp_path: Path
) -> None:
    expected = [score for step, score in episodes if 750_000 < step <= STEP]
    found = training_score(tmp_path, "dopamine", STEP)
    assert found is not None
    assert found.mean == pytest.approx(sum(expected) / len(expected), abs=1e-12)
    assert found.episodes == len(expected)
    assert found.window == "the training episodes of the last 250,000 steps"


def test_machados_is_of_the_last_hundred_episodes(
    episodes: list[tuple[int, float]], tmp_path: Path
) -> None:
    before = [score for step, score in episodes if step <= STEP]
    found = training_score(tmp_path, "machado", STEP)
    assert found is not None
    assert found.mean == pytest.approx(sum(before[-100:]) / 100)
    assert found.episodes == 100
    early = training_score(tmp_path, "machado", episodes[6][0])
    assert early is not None
    assert early.mean == pytest.approx(sum(score for _, score in episodes[:7]) / 7)
    assert early.episodes == 7
    assert str(early).endswith("the mean of the last 100 training episodes (7)")


@pytest.mark.parametrize("protocol", [None, "nature", "no_ops", "atari_100k"])
def test_others_are_scored_by_evaluations(
    protocol: str | None, episodes: list[tuple[int, float]], tmp_path: Path
) -> None:
    assert training_score(tmp_path, protocol, STEP) is None


def test_no_episode_is_no_score_and_no_history_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_history(tmp_path, [(50, 3.0)])
    assert training_score(tmp_path, "dopamine", 49) is None
    assert training_score(tmp_path, "dopamine", 50) is not None
    assert training_score(tmp_path, "dopamine", 250_050) is None
    assert not caplog.text
    (tmp_path / "history.csv").unlink()
    assert training_score(tmp_path, "dopamine", 50) is None
    assert "the score comes without the return of training" in caplog.text


def evaluation(protocol: str | None, training: TrainingScore | None) -> Evaluation:
    score = Score.of([PlayedEpisode(2.0, 9, False)], "pong", 4, 18_000)
    found = Evaluation(150, "pong", 1, 0.05, 7, 18_000, [2.0], [9], score)
    return Evaluation(**{**vars(found), "protocol": protocol, "training": training})


def test_a_score_says_by_which_protocol_it_is(tmp_path: Path) -> None:
    training = TrainingScore(3.25, 7, "the last 100 training episodes")
    found = evaluation("machado, but env.noop_max=1", training)
    assert str(found).endswith(
        "none cut; protocol machado, but env.noop_max=1; training return 3.25, the mean of "
        "the last 100 training episodes (7)"
    )
    assert found.metrics()["evaluation/training_return"] == 3.25
    assert found.metrics()["evaluation/training_episodes"] == 7
    summary = found.summary()
    assert summary["evaluation/protocol"] == "machado, but env.noop_max=1"
    assert summary["evaluation/training_window"] == "the last 100 training episodes"
    assert set(found.metrics()) < set(summary)
    found.write(tmp_path)
    content = json.loads((tmp_path / "evaluation.json").read_text())
    assert content["protocol"] == "machado, but env.noop_max=1"
    assert content["training"] == vars(training)
    assert content["mean"] == 2.0


def test_without_a_protocol_nothing_is_said_of_it() -> None:
    found = evaluation(None, None)
    assert "protocol" not in str(found)
    told: list[Any] = [*found.metrics(), *found.summary()]
    assert not [key for key in told if "protocol" in key or "training" in key]


def test_training_and_evaluate_tell_the_same(tmp_path: Path) -> None:
    config = dqn.compose(
        *("protocol=dopamine", "env=pong", "env.screen_size=36", "network.hidden=8"),
        *("total_steps=2_000", "learning_starts=1_990", "buffer.capacity=2_000"),
        *("evaluation.episodes=1", "evaluation.max_frames=40", "env.num_envs=2"),
        *("tracker.mode=disabled", "device=cpu", "cpu_threads=1"),
    )
    dqn.train(config, tmp_path)
    returns = dqn.history(tmp_path)["episode_return"]
    during = json.loads((tmp_path / "evaluation.json").read_text())
    assert during["protocol"] == "dopamine, but evaluation.max_frames=40"
    assert during["training"]["mean"] == pytest.approx(returns.mean())
    assert during["training"]["episodes"] == len(returns) > 0
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["evaluation/training_return"] == during["training"]["mean"]
    after = dqn.evaluate(tmp_path, epsilon=1.0)
    assert after.protocol == ("dopamine, but evaluation.epsilon=1.0, evaluation.max_frames=40")
    assert after.training is not None
    assert vars(after.training) == during["training"]
    whole = dqn.evaluate(tmp_path, max_frames=108_000, episodes=1)
    assert whole.protocol == "dopamine"
