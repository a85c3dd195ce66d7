"""See an agent play, or film it: python -m dqn_experiments.watch run=<run directory>."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from dqn_experiments.commands.command import run_command
from dqn_experiments.commands.typed import keep_path
from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.machine.interrupt import Interrupt

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
    from dqn_experiments.train.scoring import episode_limit
    from dqn_experiments.train.trained import TrainedAgent

    keep_path(composed, "run")
    chosen = checked_keys(WatchConfig, composed)
    if chosen.render == "human" and not _has_screen():
        raise ConfigError("render=human: there is no screen here; must be video")
    agent = TrainedAgent(chosen)
    game: dict[str, Any] = dict(agent.config.env)
    played: Any = component("env", game.pop("_target_"))
    if not hasattr(played, "viewable"):
        raise ConfigError(f"run={chosen.run}: {played.__name__} has no `viewable` to be watched by")
    game["max_frames"] = episode_limit(agent.config, chosen.max_frames)
    epsilon = agent.config.evaluation.epsilon if chosen.epsilon is None else chosen.epsilon
    returns = []
    for seed in range(chosen.seed, chosen.seed + chosen.episodes):
        path = chosen.run / "videos" / f"step_{agent.step}_seed_{seed}.mp4"
        film = path if chosen.render == "video" else None
        with Interrupt(own=True) as interrupt, agent.at_work():
            play = partial(_episode, agent, epsilon, seed, interrupt.check)
            episode = _shown(partial(played.viewable, **game), film, play)
        cut = f", cut at {game['max_frames']:,} frames" if episode.cut else ""
        told = f"return {episode.episode_return:g}, {episode.length:,} steps{cut}"
        print(told if film is None else f"{told}, {film}", flush=True)
        returns.append(episode.episode_return)
    return fmean(returns)


def _has_screen() -> bool:
    on_linux = sys.platform.startswith("linux")
    return not on_linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _shown(
    viewable: Callable[..., Any], film: Path | None, play: Callable[[Any], PlayedEpisode]
) -> PlayedEpisode:
    """Play an episode in a window, or filmed into a file."""
    from dqn_experiments.run.film import Filmed, without_a_window

    if film is None:
        with closing(viewable("human", lambda screen: screen)) as env:
            return play(env)
    try:
        with (
            without_a_window(),
            closing(viewable("rgb_array", lambda screen: Filmed(screen, film))) as env,
        ):
            episode = play(env)
        env.get_wrapper_attr("film").check()
    except BaseException as error:
        film.unlink(missing_ok=True)  # else it would look like a whole episode
        if isinstance(error, OSError):
            raise TrainingError(f"{film}: cannot be written ({error})") from error
        raise
    return episode


def _episode(
    agent: "TrainedAgent", epsilon: float, seed: int, between_steps: Callable[[], None], env: Any
) -> PlayedEpisode:
    import numpy as np

    from dqn_experiments.experience.stacking import FrameStack

    agent.explore_from(seed)
    frame, _ = env.reset(seed=seed)
    stack = FrameStack(1, agent.observation_shape, frame.dtype)
    stack.reset(frame)
    score, length = 0.0, 0
    terminated = truncated = False
    while not (terminated or truncated):
        between_steps()
        action = agent.act(stack.observation, epsilon)
        frame, reward, terminated, truncated, _ = env.step(int(action[0]))
        stack.push(frame, np.zeros(1, bool))
        score += float(reward)
        length += 1
    return PlayedEpisode(score, length, cut=not terminated)
