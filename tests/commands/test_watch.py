"""Films, as many as asked for, each of which ends."""

import shutil
from pathlib import Path

import pytest

from dqn_experiments.commands import watch
from tests.conftest import ROOT, Told

FROZEN = ROOT / "tests" / "frozen" / "0.2.0"


@pytest.mark.parametrize(("game", "limit", "steps"), [("breakout", 200, 50), ("cartpole", 5, 5)])
def test_every_episode_has_its_seed_its_film_and_its_line(
    game: str, limit: int, steps: int, told: Told, tmp_path: Path
) -> None:
    """And is the same as if it had been watched alone."""
    shutil.copytree(FROZEN / game, tmp_path / "run")
    played = ("run=run", "epsilon=0.5", f"max_frames={limit}")
    code, out, err = told(*played, "seed=7", "episodes=3", command=watch.main)
    assert code == 0, err
    videos = tmp_path / "run" / "videos"
    names = [f"step_600_seed_{seed}.mp4" for seed in (7, 8, 9)]
    films = {path.name: path.read_bytes() for path in videos.iterdir()}
    assert sorted(films) == names
    lines = out.splitlines()
    assert [line.rpartition(", ")[2] for line in lines] == [f"run/videos/{name}" for name in names]
    for line in lines:
        assert f", {steps} steps, cut at {limit} frames, " in line
    _, alone, _ = told(*played, "seed=8", command=watch.main)
    assert alone.splitlines() == lines[1:2]
    assert (videos / names[1]).read_bytes() == films[names[1]]


def test_an_episode_that_ends_by_itself_is_not_cut(told: Told, tmp_path: Path) -> None:
    shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    code, out, err = told("run=run", "epsilon=1.0", command=watch.main)
    assert code == 0, err
    steps = out.partition(",")[0].removeprefix("return ")
    assert out == f"return {steps}, {steps} steps, run/videos/step_600_seed_0.mp4\n"


@pytest.mark.parametrize("key", ["episodes", "max_frames"])
def test_none_is_too_few(key: str, told: Told, tmp_path: Path) -> None:
    shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    refused = f"error: {key}=0: must be greater than or equal to 1"
    assert told("run=run", f"{key}=0", command=watch.main) == (2, "", refused)


def test_a_film_that_cannot_be_written_is_told_and_not_left(
    told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As ffmpeg itself says nothing where a disk is full."""
    shutil.copytree(FROZEN / "cartpole", tmp_path / "run")
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text("#!/bin/sh\ncat > /dev/null\nexit 1\n")
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ffmpeg))
    code, out, err = told("run=run", "max_frames=5", command=watch.main)
    assert (code, out) == (1, "")
    assert err.startswith("error: run/videos/step_600_seed_0.mp4: cannot be written")
    assert len(err.splitlines()) == 1
    assert list((tmp_path / "run" / "videos").iterdir()) == []
