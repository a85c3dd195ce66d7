"""What a score says of itself, and when it may be held against humans."""

import json
from pathlib import Path

import numpy as np
import pytest

from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.run.score import Evaluation, Score

FIVE_MINUTES, HALF_AN_HOUR = 18_000, 108_000


def score(*played: tuple[float, int, bool], game: str = "pong", limit: int = HALF_AN_HOUR) -> Score:
    return Score.of([PlayedEpisode(*each) for each in played], game, frame_skip=4, max_frames=limit)


def test_statistics_are_numpys() -> None:
    returns, lengths = [3.0, 1.0, 4.0, 1.0, 5.0], [2, 7, 1, 8, 28]
    found = score(
        *((each, length, length > 7) for each, length in zip(returns, lengths, strict=True))
    )
    assert found.mean == pytest.approx(np.mean(returns))
    assert found.std == pytest.approx(np.std(returns))
    assert found.median == np.median(returns)
    assert (found.min, found.max) == (1.0, 5.0)
    assert found.episode_length == pytest.approx(np.mean(lengths))
    assert found.cut == 2


WHOLE, CUT = False, True


@pytest.mark.parametrize(
    ("played", "limit", "expected"),
    [
        ([(-21, 800, WHOLE)], HALF_AN_HOUR, (-21 + 20.7) / (14.6 + 20.7)),
        ([(9.3, 800, WHOLE)], FIVE_MINUTES, 1.0),
        ([(9.3, 4500, CUT)], FIVE_MINUTES, 1.0),  # as the humans were
        ([(14.6, 27_000, CUT)], HALF_AN_HOUR, 1.0),
        ([(14.6, 27_000, WHOLE)], 200_000, 1.0),
        ([(14.6, 27_001, WHOLE)], 200_000, None),  # longer than any human could
        ([(-2, 100, CUT)], 400, None),
        ([(-21, 800, WHOLE), (-2, 900, CUT)], 3600, None),
        ([(14.6, 800, WHOLE)], 3600, 1.0),  # a limit that did not matter
        ([(-2, 100, CUT)], HALF_AN_HOUR, None),  # by another limit than the one that was set
        ([(-2, 100, CUT)], FIVE_MINUTES, None),
        ([(20, 50_000, CUT)], 200_000, None),
    ],
)
def test_only_episodes_as_long_as_the_humans_are_normalized(
    played: list[tuple[float, int, bool]], limit: int, expected: float | None
) -> None:
    found = score(*played, limit=limit)
    if expected is None:
        assert (found.human_normalized, found.human_table) == (None, None)
        assert "human" not in str(found)
        assert "human_normalized" not in found.known()
    else:
        table = "mnih_2015" if limit == FIVE_MINUTES else "wang_2016"
        assert found.human_table == table
        assert found.human_normalized == pytest.approx(expected)
        assert f"human-normalized {expected:.4g} ({table})" in str(found)


def test_a_last_step_that_goes_over_the_limit_is_not_longer_play() -> None:
    """108,000 frames are no multiple of 7, and a step is never cut in two."""
    played = [PlayedEpisode(14.6, 15_429, True)]
    assert Score.of(played, "pong", 7, HALF_AN_HOUR).human_normalized == pytest.approx(1)


def test_games_that_humans_were_not_scored_on_are_not_normalized() -> None:
    for game, limit in (("CartPole-v1", HALF_AN_HOUR), ("phoenix", FIVE_MINUTES)):
        found = score((500.0, 500, WHOLE), game=game, limit=limit)
        assert (found.human_normalized, found.human_table) == (None, None)


def evaluation(*played: tuple[float, int, bool], limit: int) -> Evaluation:
    returns, lengths = [each[0] for each in played], [each[1] for each in played]
    found = score(*played, limit=limit)
    return Evaluation(150, "pong", len(played), 0.01, 7, limit, returns, lengths, found)


def test_an_evaluation_says_in_words_what_was_cut() -> None:
    one = evaluation((-2.0, 100, CUT), limit=400)
    assert str(one) == (
        "pong, 150 steps, 1 episode at epsilon 0.01: mean -2, std 0, max -2, min -2, median -2, "
        "100 steps an episode, 1 cut at 400 frames"
    )
    two = evaluation((-21.0, 800, WHOLE), (-20.0, 900, WHOLE), limit=108_000)
    assert "2 episodes at epsilon 0.01: mean -20.5" in str(two)
    assert str(two).endswith("850 steps an episode, none cut")
    assert "mean 123,457, " in str(evaluation((123_456.6, 30_000, WHOLE), limit=FIVE_MINUTES))


def test_its_file_has_every_episode(tmp_path: Path) -> None:
    played = ((-2.0, 100, CUT), (1.0, 50, WHOLE))
    evaluation(*played, limit=400).write(tmp_path)
    content = json.loads((tmp_path / "evaluation.json").read_text())
    assert (content["returns"], content["lengths"]) == ([-2.0, 1.0], [100, 50])
    assert (content["cut"], content["max_frames"], content["episode_length"]) == (1, 400, 75)
    assert (content["human_normalized"], content["human_table"]) == (None, None)
    assert evaluation(*played, limit=400).metrics() == {
        "evaluation/step": 150,
        "evaluation/mean": -0.5,
        "evaluation/std": 1.5,
        "evaluation/max": 1.0,
        "evaluation/min": -2.0,
        "evaluation/median": -0.5,
        "evaluation/episode_length": 75,
        "evaluation/cut": 1,
    }
