"""The published human scores against what else their papers say."""

import csv
from importlib.resources import files

import pytest

from dqn_experiments import reference
from dqn_experiments.config.roms import single_player_roms
from dqn_experiments.reference import HUMAN_PLAY, human_normalized

DQN = """
video_pinball 42684 2539, boxing 71.8 1707, breakout 401.2 1327, star_gunner 57997 598,
robotank 51.6 508, atlantis 85641 449, crazy_climber 114103 419, gopher 8520 400,
demon_attack 9711 294, name_this_game 7257 278, krull 3805 277, assault 3359 246,
road_runner 18257 232, kangaroo 6740 224, jamesbond 576.7 145, tennis -2.5 143, pong 18.9 132,
space_invaders 1976 121, beam_rider 6846 119, tutankham 186.7 112, kung_fu_master 23270 102,
freeway 30.3 102, time_pilot 5947 100, enduro 301.8 97, fishing_derby -0.8 93, up_n_down 8456 92,
ice_hockey -1.6 79, qbert 10596 78, hero 19950 76, asterix 6012 69, battle_zone 26300 67,
wizard_of_wor 3393 67, chopper_command 6687 64, centipede 8309 62, bank_heist 429.7 57,
riverraid 8316 57, zaxxon 4977 54, amidar 739.5 43, alien 3069 42, venture 380 32, seaquest 5286 25,
double_dunk -18.1 17, bowling 42.4 14, ms_pacman 2311 13, asteroids 1629 7, frostbite 328.3 6,
gravitar 306.7 5, private_eye 1788 2, montezuma_revenge 0 0
"""
"""DQN's scores in Extended Data Table 2 of Mnih et al. 2015, and per cent of human in Figure 3."""


def table(name: str) -> dict[str, tuple[float, float]]:
    lines = (files(reference) / f"atari_human_{name}.csv").read_text().splitlines()
    return {
        row["game"]: (float(row["random"]), float(row["human"])) for row in csv.DictReader(lines)
    }


def test_five_minutes_of_dqn_are_the_percentages_of_the_papers_figure() -> None:
    """Which cuts them off to whole ones, of scores that were not yet rounded."""
    rows = [line.split() for line in DQN.replace("\n", " ").split(",")]
    assert {game for game, *_ in rows} == set(table("mnih_2015"))
    assert len(rows) == 49
    for game, score, percent in rows:
        normalized = human_normalized(game, float(score), "mnih_2015")
        assert normalized is not None
        assert abs(100 * normalized - float(percent)) < 2, game


def test_tables_differ_by_the_humans_and_not_by_the_games() -> None:
    short, long = table("mnih_2015"), table("wang_2016")
    assert len(long) == 57
    assert set(short) < set(long) <= set(single_player_roms())
    for game, (random, _) in short.items():
        assert random == pytest.approx(long[game][0], abs=0.5), game
    assert (short["asteroids"][1], long["asteroids"][1]) == (13157, 47388.7)
    assert HUMAN_PLAY == {60 * 60 * 5: "mnih_2015", 60 * 60 * 30: "wang_2016"}


def test_human_normalized_is_0_for_random_and_1_for_human() -> None:
    assert human_normalized("pong", -20.7, "wang_2016") == 0
    assert human_normalized("pong", 14.6, "wang_2016") == 1
    assert human_normalized("pong", 9.3, "mnih_2015") == 1
    assert human_normalized("breakout", 16.75, "mnih_2015") == pytest.approx(0.5)
    assert human_normalized("phoenix", 5000, "mnih_2015") is None
    assert human_normalized("CartPole-v1", 500, "wang_2016") is None
