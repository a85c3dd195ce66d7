"""The recipes say what their sources say, in any game."""

import math
from typing import Any

import pytest
from omegaconf import OmegaConf

from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import options
from dqn_experiments.config.protocol import protocol_told
from tests.config.published import ABSENT, TABLE

DEPARTS = {"btr": "dopamine, but evaluation.epsilon=0.01"}


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-9)
    return bool(found == expected)


def test_every_recipe_of_a_paper_is_in_the_table() -> None:
    assert set(TABLE) == set(options("experiment")) - {"cartpole", "seed_notebook"}


@pytest.mark.parametrize("recipe", TABLE)
def test_a_recipe_is_that_of_its_source_in_any_game(recipe: str) -> None:
    for game in ("pong", "ms_pacman", "montezuma_revenge"):
        config = composed(f"experiment={recipe}", f"env={game}")
        assert config.env.rom == game
        found = {key: OmegaConf.select(config, key, default=ABSENT) for key in TABLE[recipe]}
        assert not {
            key: (found[key], expected)
            for key, expected in TABLE[recipe].items()
            if not same(found[key], expected)
        }
        expected = DEPARTS.get(recipe, TABLE[recipe]["protocol"])
        assert protocol_told(config) == expected
