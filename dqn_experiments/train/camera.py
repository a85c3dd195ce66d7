"""Films of what is scored: an evaluation's first episode, played once more in colour."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from warnings import catch_warnings
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.config.components import build_env
from dqn_experiments.config.lookup import component
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.contract import Env
from dqn_experiments.experience.timestep import Beginning, Timestep
from dqn_experiments.machine.interrupt import Interrupted
from dqn_experiments.run.film import Film, Filmed, without_a_window

log = logging.getLogger(__name__)

Moment = tuple[NDArray[np.generic], float, bool]
"""A frame, the score that came with it, and whether it is the episode's last."""


class FirstEpisode:
    """Plays `env` and notes the first episode of environment 0: what it did and what came of it."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self.seed, self.beginning = 0, Beginning(None, 0)
        self.actions: list[int] = []
        self.frames, self.score, self.over = 0, 0.0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def reset(self, seed: int, which: NDArray[np.bool_] | None = None) -> NDArray[np.generic]:
        """As `env`."""
        frame = self._env.reset(seed, which)
        if not self.over and (which is None or which[0]):
            self.seed = seed
            if hasattr(self._env, "began"):
                self.beginning = self._env.began[0]
            self.actions, self.frames, self.score = [], checksum(frame[0]), 0.0
        return frame

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """As `env`."""
        timestep = self._env.step(action)
        if not self.over:
            self.actions.append(int(action[0]))
            self.frames = checksum(timestep.frame[0], self.frames)
            self.score += float(timestep.score[0])
            self.over = bool(timestep.done[0])
        return timestep


def checksum(frame: NDArray[np.generic], before: int = 0) -> int:
    """Of frames, one after the other."""
    return crc32(frame.tobytes(), before)


class Camera:
    """Films the first episode of an evaluation, which is scored as if nobody filmed.

    What is noted meanwhile is played once more afterwards. A film that would show other frames or
    another score is none.

    Raises:
        ConfigError: if no film can be made of what is played here.
    """

    def __init__(self, config: DictConfig) -> None:
        self._env: dict[str, Any] = OmegaConf.to_container(config.env)  # type: ignore[assignment]
        env = build_env(config, num_envs=1)
        try:
            self.on(env, config.env.max_frames).reset(0)
            with TemporaryDirectory() as folder, catch_warnings(action="ignore"):
                self._make(Path(folder, "rehearsal.mp4"), lambda: None)
        except Exception as error:  # of ffmpeg, of what draws, of a stranger's environment
            told = f"must be false here, where no film can be made ({_line(error)})"
            raise ConfigError(f"evaluation.video=true: {told}") from error
        finally:
            env.close()

    def on(self, env: Env, limit: int | None) -> Env:
        """Take note of what will be played in `env`, whose episodes are cut at `limit` frames."""
        self._single = env.single() if hasattr(env, "single") else None
        self._first, self._dtype = FirstEpisode(env), env.dtype
        self._env["max_frames"] = limit
        return self._first

    def film(self, path: Path, between_steps: Callable[[], None]) -> Path | None:
        """Write what was played to `path`; returns that, or None if no film came of it.

        An evaluation is worth more than its film: whatever happens is told, and all goes on.
        """
        try:
            self._make(path, between_steps)
        except Interrupted as stop:
            log.warning(f"{stop.signal}: the evaluation is left without its film")
        except Exception as error:
            log.warning(f"{path} cannot be made ({_line(error)}); all else goes on")
        else:
            return path
        return None

    def _make(self, path: Path, between_steps: Callable[[], None]) -> None:
        first, frames, score, ended = self._first, 0, 0.0, False
        try:
            with without_a_window(), self._again(path) as (film, moments):
                for frame, gained, over in moments:
                    between_steps()
                    frames, score = checksum(frame.astype(self._dtype), frames), score + gained
                    ended = over
            if (frames, score, ended) != (first.frames, first.score, first.over):
                raise ValueError("the same actions led to something else")
            film.check()
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    @contextmanager
    def _again(self, path: Path) -> Iterator[tuple[Film, Iterator[Moment]]]:
        """What was noted is played as one goes through the moments, and filmed."""
        single: Any = self._single
        if hasattr(single, "spectator"):
            with closing(Film(path, single.frames_per_second)) as film:
                single.spectator = film.add
                yield film, self._by(single)
            return
        game = dict(self._env)
        played: Any = component("env", game.pop("_target_"))
        if not hasattr(played, "viewable"):
            raise ConfigError(f"{played.__name__} has no `viewable` to be filmed by")
        with closing(played.viewable("rgb_array", lambda each: Filmed(each, path), **game)) as env:
            yield env.get_wrapper_attr("film"), self._by_viewing(env)

    def _by(self, single: Any) -> Iterator[Moment]:
        single.begin(*self._first.beginning)
        yield single.frame, 0.0, False
        for action in self._first.actions:
            step = single.step(action)
            yield step.frame[0], float(step.score[0]), bool(step.done[0])

    def _by_viewing(self, env: Any) -> Iterator[Moment]:
        yield env.reset(seed=self._first.seed)[0], 0.0, False
        for action in self._first.actions:
            frame, reward, terminated, truncated, _ = env.step(action)
            yield frame, float(np.float32(reward)), bool(terminated or truncated)


def camera_of(config: DictConfig) -> Camera | None:
    """What films the evaluations of a run, if it wants that; raises ConfigError."""
    return Camera(config) if config.evaluation.get("video") else None


def _line(error: Exception) -> str:
    """What is wrong, without the output of ffmpeg, which imageio-ffmpeg adds."""
    return next(iter(str(error).splitlines()), "") or repr(error)
