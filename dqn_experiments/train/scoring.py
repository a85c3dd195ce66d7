"""Playing for a score: one piece of code for evaluation during training and after it."""

from collections.abc import Callable

import numpy as np
from omegaconf import DictConfig

from dqn_experiments.config.components import build_env, build_evaluator
from dqn_experiments.run.score import Evaluation, Score
from dqn_experiments.train.policy import EpsilonGreedy


def evaluate(
    config: DictConfig,
    policy: EpsilonGreedy,
    step: int,
    seed: int | None = None,
    between_steps: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Score the network of `policy` after `step` steps of training as `config.evaluation` says.

    Nothing that `policy` draws from is touched. Without a `seed`, environments and exploration are
    seeded from (config.seed, step), so the same checkpoint gets the same score during training and
    after it.
    """
    if seed is None:
        seed = int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0] >> 2)
    evaluator = build_evaluator(config)
    env = build_env(config, num_envs=evaluator.num_envs, limit=evaluator.max_frames)
    try:
        returns = evaluator.run(env, policy.seeded(seed), seed, between_steps)
    finally:
        env.close()
    game = game_name(config)
    score = Score.of(returns, game)
    return Evaluation(step, game, len(returns), evaluator.epsilon, seed, returns, score)


def game_name(config: DictConfig) -> str:
    """What is played: the ROM's name, or gymnasium's id."""
    return str(config.env.get("rom") or config.env.get("id") or config.env["_target_"])
