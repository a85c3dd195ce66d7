"""Films of evaluations: what was scored and nothing else, and none of them costs a score."""

import logging
import shutil
from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from ale_py import roms
from numpy.typing import NDArray
from torch import nn

import dqn_experiments as dqn
from dqn_experiments.config.components import build_env
from dqn_experiments.config.compose import composed
from dqn_experiments.env.gymnasium import GymnasiumEnv
from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.interrupt import Interrupted
from dqn_experiments.run.score import Evaluation
from dqn_experiments.train.camera import Camera
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.scoring import evaluate
from tests.conftest import QUICK_CARTPOLE, ROOT, Command

Pictures = NDArray[np.uint8]

RANDOM = ("evaluation.episodes=3", "evaluation.num_envs=2", "evaluation.epsilon=1")
CARTPOLE = ("env=cartpole", "network=mlp", *RANDOM)
SILENT = (*QUICK_CARTPOLE, "tracker.mode=disabled")
GAMES = {
    "breakout": "evaluation.max_frames=103",
    "skiing": "env.max_frames=40 env.frame_skip=3 env.noop_max=0 env.repeat_action_probability=0",
}


class Unsteady(gymnasium.Env[Any, Any]):
    """Its episodes are of no seed, and can be seen where there is a `render_mode`."""

    observation_space = gymnasium.spaces.Box(0, 1, (2,))
    action_space = gymnasium.spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, seed: Any = None, options: Any = None) -> Any:
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.random.random(2).astype(np.float32), 1.0, np.random.random() < 0.1, False, {}

    def render(self) -> Any:
        return np.zeros((20, 30, 3), np.uint8)


class Unseen(Unsteady):
    metadata = {"render_modes": ["human"], "render_fps": 10}  # noqa: RUF012


for kind in (Unsteady, Unseen):
    gymnasium.register(f"{kind.__name__}-v0", entry_point=f"{__name__}:{kind.__name__}")


def of_ones_own(name: str) -> tuple[str, ...]:
    return ("env=gymnasium", f"env.id={name}-v0", "network=mlp", "tracker.mode=disabled")


def scored(config: Any, camera: Camera | None = None) -> Evaluation:
    """As an agent that plays at random, and has after that been filmed if there is a camera."""
    env, rng = build_env(config, num_envs=1), np.random.default_rng(0)
    env.close()
    device = torch.device("cpu")
    policy = EpsilonGreedy(nn.Identity(), lambda x: x, env.num_actions, rng, 0, device)
    return evaluate(config, policy, 0, camera=camera)


def actions(evaluation: Evaluation, num_actions: int, num_envs: int = 2) -> list[int]:
    """What such an agent does in the first episode."""
    rng, drawn = np.random.default_rng(evaluation.seed), []
    for _ in range(evaluation.lengths[0]):
        rng.random(num_envs)
        drawn.append(int(rng.integers(num_actions, size=num_envs)[0]))
    return drawn


def pictures(film: Path, shape: tuple[int, ...]) -> Pictures:
    """Of a film, as large as they were before they were scaled up."""
    frames = imageio_ffmpeg.read_frames(str(film))
    width, height = next(frames)["size"]
    shown = [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in frames]
    times = height // shape[0]
    return np.stack(shown)[:, times // 2 :: times, times // 2 :: times]


def assert_alike(film: Pictures, expected: Pictures) -> None:
    """But for what is lost in compression."""
    assert film.shape == expected.shape
    lost = np.abs(film.astype(np.int16) - expected).mean(axis=(1, 2, 3))
    assert lost.max() < 2


@pytest.mark.parametrize("game", GAMES)
def test_a_film_shows_every_frame_that_the_emulator_drew(game: str, tmp_path: Path) -> None:
    config = composed(f"env={game}", *GAMES[game].split(), *RANDOM)
    camera = Camera(config)
    evaluation = scored(config, camera)
    assert evaluation == scored(config)
    film = camera.film(tmp_path / "film.mp4", lambda: None)
    assert film == tmp_path / "film.mp4"
    shown = pictures(film, (210, 160))
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", config.env.repeat_action_probability)
    ale.setInt("random_seed", evaluation.seed)
    ale.loadROM(str(roms.get_rom_path(game)))
    frames = min(evaluation.lengths[0] * config.env.frame_skip, evaluation.max_frames)
    noops = len(shown) - 1 - frames
    assert 0 <= noops <= config.env.noop_max
    chosen = actions(evaluation, len(ale.getMinimalActionSet()))
    held = np.repeat(chosen, config.env.frame_skip)[:frames].tolist()
    expected, scores = [ale.getScreenRGB()], []
    for action in [0] * noops + held:
        scores.append(ale.act(ale.getMinimalActionSet()[action]))
        expected.append(ale.getScreenRGB())
    assert sum(scores[noops:]) == evaluation.returns[0]
    assert_alike(shown, np.stack(expected))


def test_each_evaluation_has_a_film_of_its_own(tmp_path: Path) -> None:
    """Of a gymnasium environment, with as many frames as the episode has steps, and one more."""
    camera, lengths = Camera(composed(*CARTPOLE)), set()
    for number in range(2):
        config = composed(*CARTPOLE, f"seed={number}")
        evaluation = scored(config, camera)
        assert evaluation == scored(config)
        film = camera.film(tmp_path / f"{number}.mp4", lambda: None)
        assert film
        env: Any = gymnasium.make("CartPole-v1", render_mode="rgb_array")
        env.reset(seed=evaluation.seed)
        expected = [env.render()]
        for action in actions(evaluation, 2):
            env.step(action)
            expected.append(env.render())
        assert_alike(pictures(film, (400, 600)), np.stack(expected))
        lengths.add(evaluation.lengths[0])
    assert len(lengths) > 1


def test_what_plays_otherwise_when_played_again_is_no_film(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = composed(*of_ones_own("Unsteady"), *RANDOM)
    camera = Camera(config)
    assert len(scored(config, camera).returns) == 3
    assert camera.film(tmp_path / "film.mp4", lambda: None) is None
    assert not list(tmp_path.iterdir())
    told = "cannot be made (the same actions led to something else); all else goes on"
    assert warnings_in(caplog) == [f"{tmp_path / 'film.mp4'} {told}"]


def test_a_signal_ends_the_film_and_not_what_was_scored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stop() -> None:
        raise Interrupted(15)

    config = composed(*CARTPOLE)
    camera = Camera(config)
    scored(config, camera)
    assert camera.film(tmp_path / "film.mp4", stop) is None
    assert not list(tmp_path.iterdir())
    assert warnings_in(caplog) == ["SIGTERM: the evaluation is left without its film"]


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_training_goes_on_without_a_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full at the end of the film, which ffmpeg alone knows of."""
    film = tmp_path / "filmed" / "videos" / "evaluation_300.mp4"
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(
        f"""#!/bin/sh
case "$*" in *evaluation_300*) cat > /dev/null; exit 1;; esac
exec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"
"""
    )
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ffmpeg))
    for name, video in (("filmed", "true"), ("not", "false")):
        (tmp_path / name).mkdir()
        every = ("total_steps=300", "evaluation.every=150", f"evaluation.video={video}")
        outcome = dqn.train(composed(*SILENT, *every), tmp_path / name)
        assert outcome.status == "finished"
    assert [path.name for path in film.parent.iterdir()] == ["evaluation_150.mp4"]
    assert not (tmp_path / "not" / "videos").exists()
    assert f"{film} cannot be made (0 of " in caplog.text
    both = [
        [
            (tmp_path / name / file).read_bytes()
            for file in ("history.csv", "evaluation.json", "checkpoints/0000000300/network.pt")
        ]
        for name in ("filmed", "not")
    ]
    assert both[0] == both[1]


def test_a_run_of_before_can_be_filmed(tmp_path: Path) -> None:
    run = shutil.copytree(ROOT / "tests" / "frozen" / "0.2.0" / "cartpole", tmp_path / "run")
    dqn.go_on(run, "total_steps=610", "evaluation.video=true", "tracker.mode=disabled")
    assert (run / "videos" / "evaluation_610.mp4").is_file()
    dqn.evaluate(run, checkpoint=600, episodes=1)
    assert (run / "videos" / "evaluate_600.mp4").is_file()


def test_where_no_film_can_be_made_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = r"^evaluation.video=true: must be false here, where no film can be made \("
    with pytest.raises(ConfigError, match=told + ".* unsupported render mode"):
        dqn.train(composed(*of_ones_own("Unseen"), "evaluation.video=true"), tmp_path)
    monkeypatch.delattr(GymnasiumEnv, "viewable")
    with pytest.raises(ConfigError, match=told + "GymnasiumEnv has no `viewable`"):
        dqn.train(composed(*SILENT, "evaluation.video=true"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_it_is_refused_in_one_line(command: Command, tmp_path: Path) -> None:
    missing = {"IMAGEIO_FFMPEG_EXE": str(tmp_path / "none")}
    done = command(*SILENT, "evaluation.video=true", "hydra.run.dir=run", **missing)
    assert (done.returncode, done.stdout.count("\n"), done.stderr.count("\n")) == (2, 0, 1)
    assert done.stderr.startswith("error: evaluation.video=true: must be false here")
    assert not (tmp_path / "run").exists()
