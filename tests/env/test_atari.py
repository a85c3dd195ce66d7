"""Our frames, stacked our way, against gymnasium's preprocessing on the same actions."""

from typing import Any

import ale_py
import gymnasium
import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

from dqn_experiments.config.roms import single_player_roms
from dqn_experiments.env import atari as module
from dqn_experiments.env.atari import AtariEnv
from dqn_experiments.experience.stacking import FrameStack

gymnasium.register_envs(ale_py)


def atari(rom: str, **changes: Any) -> AtariEnv:
    arguments: dict[str, Any] = {
        "num_envs": 1,
        "num_threads": 1,
        "frame_skip": 4,
        "frame_stack": 4,
        "screen_size": 84,
        "repeat_action_probability": 0.0,
        "noop_max": 0,
        "terminal_on_life_loss": False,
        "full_action_space": False,
        "max_frames": 108_000,
        "clip_rewards": True,
    }
    return AtariEnv(rom=rom, **{**arguments, **changes})


@pytest.mark.parametrize("rom", ["breakout", "pong", "ms_pacman", "seaquest", "space_invaders"])
def test_observations_and_scores_are_gymnasiums(rom: str) -> None:
    env = atari(rom)
    game = f"ALE/{rom.title().replace('_', '')}-v5"
    peer = gymnasium.make(game, frameskip=1, repeat_action_probability=0.0)
    peer = FrameStackObservation(AtariPreprocessing(peer, noop_max=0, frame_skip=4), 4)
    stack = FrameStack(1, env.observation_shape, env.dtype)
    stack.reset(env.reset(7))
    expected, _ = peer.reset(seed=7)
    rng = np.random.default_rng(0)
    episodes = 0
    for step in range(1500):
        np.testing.assert_array_equal(stack.observation[0], expected, err_msg=f"step {step}")
        action = rng.integers(env.num_actions, size=1)
        timestep = env.step(action)
        stack.push(timestep.first_frame, timestep.done)
        expected, score, terminated, truncated, _ = peer.step(action[0])
        assert timestep.score[0] == score
        assert timestep.reward[0] == np.sign(float(score))
        assert (timestep.terminal[0], timestep.done[0]) == (terminated, terminated or truncated)
        if terminated:
            np.testing.assert_array_equal(timestep.frame[0], expected[-1])
            expected, _ = peer.reset()
            episodes += 1
    assert episodes or rom == "pong"


@pytest.mark.parametrize("noop_max", [0, 30])
def test_a_time_limit_is_not_terminal(noop_max: int) -> None:
    """It counts from the first screen that the agent sees."""
    env = atari("breakout", max_frames=400, noop_max=noop_max)
    assert env.max_frames == 400
    env.reset(0)
    for step in range(1, 101):  # no-ops: without the fire button no life is lost
        timestep = env.step(np.zeros(1, np.int64))
        assert timestep.done[0] == (step == 100)
        assert not timestep.terminal[0]


@pytest.mark.parametrize(("max_frames", "steps"), [(40, 10), (42, 11)])
def test_an_episode_is_cut_alike_for_a_spectator(max_frames: int, steps: int) -> None:
    """And for one game alone; no-ops do not count."""
    keys: dict[str, Any] = {"frame_skip": 4, "screen_size": 84, "repeat_action_probability": 0.0}
    keys |= {"full_action_space": False, "max_frames": max_frames}
    shown = AtariEnv.viewable("rgb_array", lambda env: env, rom="pong", noop_max=30, **keys)
    shown.reset(seed=0)
    env = atari("pong", noop_max=30, max_frames=max_frames)
    env.reset(seed=0)
    for step in range(1, steps + 1):
        *_, truncated, _ = shown.step(0)
        assert truncated == env.step(np.zeros(1, np.int64)).done[0] == (step == steps)
    shown.close()
    env.close()


def test_a_lost_life_is_terminal_and_the_game_goes_on() -> None:
    env = atari("breakout", terminal_on_life_loss=True)
    env.reset(0)
    rng = np.random.default_rng(0)
    terminals = 0
    for _ in range(1000):
        timestep = env.step(rng.integers(4, size=1))
        terminals += int(timestep.terminal[0])
        if timestep.done[0]:
            break
    assert timestep.done[0]
    assert terminals == 5  # lives of a game


def test_the_seed_decides_everything() -> None:
    def frames(seed: int) -> list[int]:
        env = atari("breakout", num_envs=2, noop_max=30, repeat_action_probability=0.25)
        sums = [int(env.reset(seed).sum())]
        rng = np.random.default_rng(0)
        for _ in range(300):
            sums.append(int(env.step(rng.integers(4, size=2)).frame.astype(np.int64).sum()))
        return sums

    assert frames(1) == frames(1)
    assert frames(1) != frames(2)


def test_games_are_those_of_ale_py() -> None:
    registered = {
        spec.kwargs["game"] for spec in gymnasium.registry.values() if spec.id.startswith("ALE/")
    }
    assert set(single_player_roms()) == registered
    assert len(registered) > 100


def test_an_episode_begins_with_0_to_noop_max_no_ops() -> None:
    """The first screen is one of those that waiting shows, each as likely as the others."""
    waiting = atari("freeway", num_envs=1, frame_skip=1)
    screens = [waiting.reset(0)[0]]
    screens += [waiting.step(np.zeros(1, np.int64)).first_frame[0] for _ in range(5)]
    waiting.close()
    assert len({screen.tobytes() for screen in screens}) == 6
    env = atari("freeway", num_envs=8, noop_max=3, frame_skip=1)
    first = [screen.tobytes() for seed in range(10) for screen in env.reset(100 * seed)]
    env.close()
    times = [first.count(screen.tobytes()) for screen in screens]
    assert sum(times[:4]) == 80
    assert min(times[:4]) > 10


@pytest.mark.parametrize(("wanted", "num_envs", "threads"), [(0, 8, 3), (1, 8, 1), (5, 2, 2)])
def test_threads_are_of_usable_cores_and_change_nothing(
    wanted: int, num_envs: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def frames(env: AtariEnv) -> list[bytes]:
        first = env.reset(3)
        shown = [env.step(np.full(num_envs, step % 4)).frame for step in range(20)]
        env.close()
        return [frame.tobytes() for frame in (first, *shown)]

    asked: list[int] = []

    def made(*arguments: Any, num_threads: int, **options: Any) -> AtariVectorEnv:
        asked.append(num_threads)
        return AtariVectorEnv(*arguments, num_threads=num_threads, **options)

    alone = frames(atari("breakout", num_envs=num_envs, num_threads=1))
    monkeypatch.setattr(module, "AtariVectorEnv", made)
    monkeypatch.setattr(module, "usable_cores", lambda: 3)
    assert frames(atari("breakout", num_envs=num_envs, num_threads=wanted)) == alone
    assert asked == [threads]
