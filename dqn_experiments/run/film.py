"""Episodes as mp4 files that any browser plays (H.264)."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.progress_bar import SECONDS_BETWEEN_LINES, Every, progress_bar

log = logging.getLogger(__name__)

SMALLEST_SIDE = 480  # pixels; an Atari screen has 160, which is a stamp on today's displays
VIDEO_DRIVER = "SDL_VIDEODRIVER"

_turn = threading.RLock()


class Film:
    """Writes pictures to `path`; the first one says how large they are."""

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._rate = path, frames_per_second
        self._film: Any = None
        self._progress = progress_bar(desc=path.name, unit="frame", leave=False)
        self._frames, self._lines = 0, Every(SECONDS_BETWEEN_LINES)

    def add(self, picture: NDArray[np.uint8]) -> None:
        """The next picture, u8 [H, W, 3]; raises OSError where it cannot be written."""
        if self._film is None:
            self._film = self._start(*picture.shape[:2])
        self._film.send(picture.tobytes())
        self._frames += 1
        self._progress.update()
        if self._progress.disable and self._lines.due():
            log.info(f"{self._path.name}: {self._frames:,} frames so far")

    def _start(self, height: int, width: int) -> Any:
        times = -(-SMALLEST_SIDE // min(height, width))
        self._path.parent.mkdir(exist_ok=True)
        self._path.unlink(missing_ok=True)
        film = _ffmpeg().write_frames(
            str(self._path),
            (width, height),
            fps=self._rate,
            codec="libx264",
            quality=8,
            macro_block_size=2,
            output_params=["-vf", f"scale=iw*{times}:-2:flags=neighbor", "-movflags", "+faststart"],
        )
        film.send(None)
        return film

    def close(self) -> None:
        """Finish the file."""
        self._progress.close()
        if self._film is not None:
            self._film.close()

    def check(self) -> None:
        """Raises OSError if what was closed is not there as a whole: ffmpeg itself says nothing."""
        try:
            written = _ffmpeg().count_frames_and_secs(str(self._path))[0]
        except RuntimeError:
            written = 0
        if written != self._frames:
            raise OSError(f"{written} of {self._frames} frames were written")


class Filmed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Films what the wrapped environment renders, after every reset and every step.

    Wrapped around an emulator that advances one frame at a time it films all 60 frames a second,
    also those that an agent behind frame skipping never sees.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], path: Path) -> None:
        super().__init__(env)
        self.film = Film(path, env.metadata.get("render_fps", 30))

    def reset(self, **arguments: Any) -> Any:
        """As the wrapped environment."""
        result = self.env.reset(**arguments)
        self._shoot()
        return result

    def step(self, action: Any) -> Any:
        """As the wrapped environment."""
        result = self.env.step(action)
        self._shoot()
        return result

    def _shoot(self) -> None:
        picture: Any = self.env.render()
        self.film.add(picture)

    def close(self) -> None:
        """Finish the file."""
        self.film.close()
        super().close()


def evaluation_film(run_dir: Path, step: int) -> Path:
    """Where the film of an evaluation during training lies, if there is one."""
    return run_dir / "videos" / f"evaluation_{step}.mp4"


def scored_film(run_dir: Path, step: int) -> Path:
    """Where the film of the last score of a checkpoint lies, as `evaluate` gave it."""
    return run_dir / "videos" / f"evaluate_{step}.mp4"


@contextmanager
def without_a_window() -> Iterator[None]:
    """Keep pygame from looking for a screen, in a process that may want one afterwards."""
    with _turn:  # the variable is the process's: one at a time
        asked_for = VIDEO_DRIVER in os.environ
        os.environ.setdefault(VIDEO_DRIVER, "dummy")
        try:
            yield
        finally:
            if not asked_for:
                del os.environ[VIDEO_DRIVER]


def _ffmpeg() -> Any:
    """Imported late, as training without films does not need it."""
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise ConfigError("films need imageio-ffmpeg; pip install imageio-ffmpeg") from error
    return imageio_ffmpeg
