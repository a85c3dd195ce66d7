"""Episodes as mp4 files that any browser plays (H.264)."""

import logging
from pathlib import Path
from typing import Any

import gymnasium
import imageio_ffmpeg

from dqn_experiments.machine.progress_bar import SECONDS_BETWEEN_LINES, Every, progress_bar

log = logging.getLogger(__name__)

SMALLEST_SIDE = 480  # pixels; an Atari screen has 160, which is a stamp on today's displays


class Filmed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Writes what the wrapped environment renders, after every reset and every step, to `path`.

    Wrapped around an emulator that advances one frame at a time it films all 60 frames a second,
    also those that an agent behind frame skipping never sees.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], path: Path) -> None:
        super().__init__(env)
        self._path = path
        self._film: Any = None
        self._progress = progress_bar(desc=path.name, unit="frame", leave=False)
        self._frames, self._lines = 0, Every(SECONDS_BETWEEN_LINES)

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
        film = imageio_ffmpeg.write_frames(
            str(self._path),
            (width, height),
            fps=self.env.metadata.get("render_fps", 30),
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
        super().close()
