"""Playing for a score: one piece of code for evaluation during training and after it."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from dqn_experiments.config.components import build_env, build_evaluator
from dqn_experiments.config.protocol import protocol_told
from dqn_experiments.experience.contract import Env, Evaluator
from dqn_experiments.run.score import Evaluation, Score
from dqn_experiments.run.training_score import training_score
from dqn_experiments.train.camera import Camera
from dqn_experiments.train.policy import EpsilonGreedy

log = logging.getLogger(__name__)

STEPS_WITHOUT_LIMIT = 10_000
"""Of an episode where nothing else limits it: an agent that is stuck would play for ever."""


def evaluate(
    config: DictConfig,
    policy: EpsilonGreedy,
    step: int,
    seed: int | None = None,
    between_steps: Callable[[], None] = lambda: None,
    max_frames: int | None = None,
    camera: Camera | None = None,
    run_dir: Path | None = None,
) -> Evaluation:
    """Score the network of `policy` after `step` steps of training as `config.evaluation` says.

    Nothing that `policy` draws from is touched. Without a `seed`, environments and exploration are
    seeded from (config.seed, step), so the same checkpoint gets the same score during training and
    after it. `max_frames` takes the place of the evaluation's own. A `camera` is ready to film
    afterwards. In `run_dir` lies what a protocol scores that takes its score from training.
    """
    if seed is None:
        seed = int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0] >> 2)
    evaluator = build_evaluator(config)
    env, limit = _limited_env(config, evaluator, evaluator.num_envs, max_frames)
    log.info(
        f"evaluating after {step:,} steps: {config.evaluation.episodes} episodes of "
        f"at most {limit:,} frames at epsilon {evaluator.epsilon}"
    )
    try:
        stage = env if camera is None else camera.on(env, limit)
        played = evaluator.run(stage, policy.seeded(seed), seed, between_steps)
    finally:
        env.close()
    game = game_name(config)
    return Evaluation(
        step=step,
        game=game,
        episodes=len(played),
        epsilon=evaluator.epsilon,
        seed=seed,
        max_frames=limit,
        returns=[episode.episode_return for episode in played],
        lengths=[episode.length for episode in played],
        score=Score.of(played, game, env.frame_skip, limit),
        protocol=protocol_told(config, max_frames),
        training=training_score(run_dir, config.protocol, step) if run_dir else None,
    )


def episode_limit(config: DictConfig, max_frames: int | None = None) -> int:
    """Emulator frames after which an episode that is scored or watched is cut.

    As `max_frames` says, else the evaluation, else the environment; if none of them does, there is
    a limit all the same.
    """
    env, limit = _limited_env(config, build_evaluator(config), 1, max_frames)
    env.close()
    return limit


def _limited_env(
    config: DictConfig, evaluator: Evaluator, num_envs: int, max_frames: int | None
) -> tuple[Env, int]:
    """The environment with that limit, which only itself may know."""
    said = (max_frames, evaluator.max_frames, config.env.max_frames)
    limit = next((limit for limit in said if limit is not None), None)
    env = build_env(config, num_envs, limit)
    if limit is None:
        limit = getattr(env, "max_frames", None)
    if limit is None:
        env.close()
        log.info(
            "neither evaluation.max_frames nor the environment limits an episode, "
            f"so it is cut after {STEPS_WITHOUT_LIMIT:,} steps"
        )
        limit = STEPS_WITHOUT_LIMIT * env.frame_skip
        env = build_env(config, num_envs, limit)
    return env, int(limit)


def game_name(config: DictConfig) -> str:
    """What is played: the ROM's name, or gymnasium's id."""
    return str(config.env.get("rom") or config.env.get("id") or config.env["_target_"])
