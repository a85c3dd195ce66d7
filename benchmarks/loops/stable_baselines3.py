"""Stable-Baselines3's DQN."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ale_py
import gymnasium
from loops.work import (
    BATCH,
    DISCOUNT,
    EPSILON,
    FILLED,
    LEARNING_RATE,
    TARGET_EVERY,
    UPDATE_EVERY,
    Advance,
    filled,
)

EMULATOR = {"frameskip": 1, "repeat_action_probability": 0.0}  # the wrapper skips frames


@contextmanager
def loop(device: str = "cpu") -> Iterator[Advance]:
    """Its DQN, with the wrappers that its zoo has for Atari; `advance` is a turn of its `learn`."""
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.vec_env import VecFrameStack

    gymnasium.register_envs(ale_py)
    env = VecFrameStack(make_atari_env("ALE/Breakout-v5", env_kwargs=EMULATOR), 4)
    agent: Any = DQN(
        "CnnPolicy",
        env,
        learning_rate=LEARNING_RATE,
        buffer_size=20_000,
        learning_starts=FILLED,
        batch_size=BATCH,
        gamma=DISCOUNT,
        train_freq=UPDATE_EVERY,
        target_update_interval=TARGET_EVERY,
        exploration_initial_eps=EPSILON,
        exploration_final_eps=EPSILON,
        device=device,
    )
    agent.set_logger(configure(None, []))  # or it makes itself a folder
    _, callback = agent._setup_learn(10**9)
    callback.on_training_start({}, {})

    def advance() -> int:
        before = agent.num_timesteps
        agent.collect_rollouts(
            agent.env,
            callback,
            agent.train_freq,
            agent.replay_buffer,
            agent.action_noise,
            agent.learning_starts,
            log_interval=4,
        )
        if agent.num_timesteps > agent.learning_starts:
            agent.train(gradient_steps=1, batch_size=BATCH)
        return int(agent.num_timesteps - before)

    filled(advance)
    yield advance
    env.close()
