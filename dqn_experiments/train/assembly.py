"""From a config to the parts that train, each with random streams of its own."""

from collections.abc import Callable

import numpy as np
import torch
from omegaconf import DictConfig

from dqn_experiments.config.components import build_env, build_replay
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.loop import Loop
from dqn_experiments.train.player import Player
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.recorded_env import RecordedEnv


def assembled(
    config: DictConfig, device: torch.device, between_steps: Callable[[], None] = lambda: None
) -> Loop:
    """The loop of a run that has not begun.

    Args:
        config: a checked one.
        device: of the networks and batches.
        between_steps: called while environments are brought back to where they were; what it
            raises ends that.
    """
    playing, exploring, drawing, acting = np.random.SeedSequence(config.seed).spawn(4)
    env = build_env(config)
    learner = Learner(config, env.observation_shape, env.num_actions, device)
    policy = EpsilonGreedy(
        learner.network,
        learner.rule.values,
        env.num_actions,
        np.random.default_rng(exploring),
        int(acting.generate_state(1)[0]),
        device,
    )
    recorded = RecordedEnv(env, np.random.default_rng(playing), between_steps)
    player = Player(recorded, policy, env.observation_shape, env.dtype)
    draws = np.random.default_rng(drawing)
    spec = ReplaySpec(env.num_envs, env.observation_shape, env.dtype, draws, device)
    return Loop(config, player, build_replay(config, spec), learner)
