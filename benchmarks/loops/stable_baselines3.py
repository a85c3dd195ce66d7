"""Stable-Baselines3's DQN."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


@contextmanager
def loop() -> Iterator[Advance]:
    """Its DQN, with the wrappers that its zoo has for Atari; `advance` is a turn of its `learn`."""
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import VecFrameStack

    env = VecFrameStack(make_atari_env("BreakoutNoFrameskip-v4"), 4)
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
    )
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
