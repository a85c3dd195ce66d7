"""See an agent play, or film it: python -m dqn_experiments.watch run=<run directory>."""

import os
import sys
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from dqn_experiments.commands.command import run_command
from dqn_experiments.errors import ConfigError

if TYPE_CHECKING:
    from dqn_experiments.train.trained import TrainedAgent


def main() -> None:
    """Entry point of `python -m dqn_experiments.watch`."""
    run_command("watch", _watch)


def _watch(composed: DictConfig) -> float:
    # torch takes seconds to import, and --help needs none of it
    from dqn_experiments.config.check import checked_keys
    from dqn_experiments.config.lookup import component
    from dqn_experiments.config.schema import WatchConfig
    from dqn_experiments.run.film import Filmed
    from dqn_experiments.train.trained import TrainedAgent

    chosen = checked_keys(WatchConfig, composed)
    human = chosen.render == "human"
    if not human:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame looks for a screen otherwise
    elif not _has_screen():
        raise ConfigError("render=human: there is no screen here; must be video")
    agent = TrainedAgent(chosen)
    path = chosen.run / "videos" / f"step_{agent.step}_seed_{chosen.seed}.mp4"
    game: dict[str, Any] = dict(agent.config.env)
    played: Any = component("env", game.pop("_target_"))
    if not hasattr(played, "viewable"):
        raise ConfigError(f"run={chosen.run}: {played.__name__} has no `viewable` to be watched by")
    env = played.viewable(
        "human" if human else "rgb_array",
        lambda screen: screen if human else Filmed(screen, path),
        **game,
    )
    epsilon = agent.config.evaluation.epsilon if chosen.epsilon is None else chosen.epsilon
    try:
        episode_return = _episode(env, agent, epsilon, chosen.seed)
    finally:
        env.close()
    print(f"return {episode_return:g}" + ("" if human else f", {path}"))
    return episode_return


def _has_screen() -> bool:
    on_linux = sys.platform.startswith("linux")
    return not on_linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _episode(env: Any, agent: "TrainedAgent", epsilon: float, seed: int) -> float:
    """Play one episode and return its score."""
    import numpy as np

    from dqn_experiments.experience.stacking import FrameStack

    frame, _ = env.reset(seed=seed)
    stack = FrameStack(1, agent.observation_shape, frame.dtype)
    stack.reset(frame)
    score, over = 0.0, False
    while not over:
        action = agent.act(stack.observation, epsilon)
        frame, reward, terminated, truncated, _ = env.step(int(action[0]))
        stack.push(frame, np.zeros(1, bool))
        score += float(reward)
        over = terminated or truncated
    return score
