"""See an agent play, or film it: python -m dqn_experiments.watch run=<run directory>."""

import os
import sys
from typing import Any

from omegaconf import DictConfig

from dqn_experiments.command import run_command
from dqn_experiments.errors import ConfigError


def main() -> None:
    """Entry point of `python -m dqn_experiments.watch`."""
    run_command("watch", _watch)


def _watch(composed: DictConfig) -> None:
    # torch takes seconds to import, and --help needs none of it
    from dqn_experiments import checkpoint
    from dqn_experiments.config import WatchConfig, component, options
    from dqn_experiments.film import Filmed
    from dqn_experiments.run_dir import load_agent, stored_config

    chosen = options(WatchConfig, composed)
    config = stored_config(chosen.run)
    found = checkpoint.find(chosen.run, chosen.checkpoint)
    path = chosen.run / "videos" / f"step_{found.step}_seed_{chosen.seed}.mp4"
    human = chosen.render == "human"
    if not human:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame looks for a screen otherwise
    elif not _has_screen():
        raise ConfigError("render=human: there is no screen here; must be video")
    agent = load_agent(config, found, chosen.device)
    game: dict[str, Any] = dict(config.env)
    viewable = component("env", game.pop("_target_")).viewable
    env = viewable(
        "human" if human else "rgb_array",
        lambda screen: screen if human else Filmed(screen, path),
        **game,
    )
    epsilon = config.evaluation.epsilon if chosen.epsilon is None else chosen.epsilon
    try:
        episode_return = _episode(env, agent, config.env.frame_stack, epsilon, chosen.seed)
    finally:
        env.close()
    print(f"return {episode_return:g}" + ("" if human else f", {path}"))


def _has_screen() -> bool:
    on_linux = sys.platform.startswith("linux")
    return not on_linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _episode(env: Any, agent: Any, frame_stack: int, epsilon: float, seed: int) -> float:
    """Play one episode and return its score."""
    import numpy as np

    from dqn_experiments.stacking import FrameStack

    rng = np.random.default_rng(seed)
    frame, _ = env.reset(seed=seed)
    stack = FrameStack(1, (frame_stack, *frame.shape), frame.dtype)
    stack.reset(frame)
    score, over = 0.0, False
    while not over:
        action, _ = agent.act(stack.observation, epsilon, rng)
        frame, reward, terminated, truncated, _ = env.step(int(action[0]))
        stack.push(frame, np.zeros(1, bool))
        score += float(reward)
        over = terminated or truncated
    return score


if __name__ == "__main__":
    main()
