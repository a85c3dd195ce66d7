"""Films that are being made."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from dqn_experiments.run import film


class Grey(gymnasium.Env[Any, Any]):
    """A screen on which nothing happens."""

    def reset(self, **arguments: Any) -> Any:
        return np.zeros(1), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1), 0.0, False, False, {}

    def render(self) -> Any:
        return np.full((64, 64, 3), 128, np.uint8)


@pytest.mark.parametrize(("seconds", "lines"), [(0, 4), (30, 0)])
def test_it_says_how_far_it_is_where_there_is_no_bar(
    seconds: int,
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(film, "SECONDS_BETWEEN_LINES", seconds)
    filmed = film.Filmed(Grey(), tmp_path / "videos" / "grey.mp4")
    filmed.reset()
    for _ in range(3):
        filmed.step(0)
    filmed.close()
    told = [f"grey.mp4: {frames} frames so far" for frames in range(1, 5)]
    assert caplog.messages == told[:lines]
    assert (tmp_path / "videos" / "grey.mp4").stat().st_size > 0
    filmed.film.check()


@pytest.mark.parametrize("left", [0, 700])
def test_a_film_that_is_not_whole_is_noticed(left: int, tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    made = film.Film(path, 60)
    for _ in range(3):
        made.add(np.full((64, 64, 3), 128, np.uint8))
    made.close()
    made.check()
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(OSError, match=r"^0 of 3 frames were written$"):
        made.check()
