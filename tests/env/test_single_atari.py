"""One Atari game on its own, held against ale-py's own vector of games."""

from typing import Any

import numpy as np
import pytest

from dqn_experiments.config.components import build_env
from dqn_experiments.config.compose import composed
from dqn_experiments.env.atari import AtariEnv
from dqn_experiments.env.single_atari import SingleAtari
from dqn_experiments.experience.timestep import Timestep

GAMES = {
    "breakout": ["env.terminal_on_life_loss=true"],
    "seaquest": ["env.max_frames=600", "env.frame_skip=3"],
    "tetris": ["env.full_action_space=true", "env.repeat_action_probability=0"],
    "skiing": ["env.noop_max=0", "env.frame_skip=1"],
}


def make(game: str) -> Any:
    return build_env(composed(f"env={game}", "env.num_envs=2", *GAMES[game]))


def assert_alike(single: SingleAtari, own: Timestep, env: AtariEnv, of: Timestep, n: int) -> None:
    for name in ("frame", "reward", "score", "terminal", "done"):
        np.testing.assert_array_equal(getattr(own, name)[0], getattr(of, name)[n])
    if of.done[n]:
        single.begin(*env.began[n])
    np.testing.assert_array_equal(single.frame, of.first_frame[n])


@pytest.mark.parametrize("game", GAMES)
def test_it_plays_what_each_of_many_plays(game: str) -> None:
    env, rng = make(game), np.random.default_rng(0)
    singles = [env.single() for _ in range(2)]
    frame = env.reset(7)
    for n, single in enumerate(singles):
        single.begin(*env.began[n])
        np.testing.assert_array_equal(single.frame, frame[n])
    for _ in range(400):
        action = rng.integers(env.num_actions, size=2)
        timestep = env.step(action)
        for n, single in enumerate(singles):
            assert_alike(single, single.step(int(action[n])), env, timestep, n)
    env.close()


@pytest.mark.parametrize("game", ["breakout", "tetris"])
def test_where_the_picture_is_whole_its_state_brings_another_one_there(game: str) -> None:
    env, rng = make(game), np.random.default_rng(1)
    single, copy, whole = env.single(), env.single(), 0
    single.begin(3, 5)
    copy.begin(8, 0)
    for number in range(150):
        action = int(rng.integers(env.num_actions))
        expected = single.step(action)
        if expected.done[0]:
            single.begin(None, 0)
            whole = 0
        elif whole:
            np.testing.assert_array_equal(copy.step(action).frame, expected.frame)
        if number % 10 == 0 and single.savable:
            copy.load_state_dict(single.state_dict())
            whole += 1
    assert whole or game == "breakout"
    env.close()
