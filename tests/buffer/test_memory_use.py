"""How much memory a replay memory takes, says that it takes, and asks for."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from dqn_experiments.buffer import replay as replay_module
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.machine import memory
from tests.buffer.slow_replay import make


def test_screens_take_a_fraction_of_the_memory_and_the_estimate_says_which() -> None:
    screens = np.zeros((200, 84, 84), np.uint8)
    for t, screen in enumerate(screens):
        screen[t % 84, t % 50 : t % 50 + 8] = 200  # something moves
    size = {}
    for compression in ("zstd", "none"):
        replay = make(compression=compression, capacity=10_000, frame=(84, 84))
        frames = replay._rings.frames
        for t in range(5_000):
            frames.append(np.zeros(1, int), screens[[t % 200]])
        estimate = frames.full_nbytes
        for t in range(12_000):
            frames.append(np.zeros(1, int), screens[[t % 200]])
        assert frames.nbytes == pytest.approx(estimate, rel=0.1)
        copy = make(compression=compression, capacity=10_000, frame=(84, 84))
        copy._rings.frames.load_state_dict(frames.state_dict())
        assert copy.full_nbytes == pytest.approx(replay.full_nbytes, rel=0.1)
        assert frames.raw_nbytes == 10_000 * 84 * 84
        size[compression] = replay.nbytes
    assert size["zstd"] < size["none"] / 50


def test_what_cannot_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda device: 300)
    make(compression="zstd")
    with pytest.raises(ConfigError, match=r"buffer.capacity=100: .* of free memory; must be"):
        make(compression="none")


@pytest.mark.parametrize(
    ("free", "device", "expected"),
    [
        (3_000, "auto", ("raw", "cuda")),  # 400 bytes fit into half of it
        (700, "auto", ("compressed", "pinned")),
        (700, "cuda", ("raw", "cuda")),
        (3_000, "cpu", ("compressed", "pinned")),
    ],
)
def test_frames_lie_on_the_gpu_where_they_fit(
    free: int, device: Any, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which store is chosen; what a GPU then does with it takes a GPU to see."""

    def raw(*kept: Any) -> Any:
        return "raw", kept[-1].type

    def compressed(*kept: Any, pinned: bool) -> Any:
        return "compressed", "pinned" if pinned else "pageable"

    monkeypatch.setattr(memory, "available", lambda device: free)
    monkeypatch.setattr(replay_module, "MirroredFrames", raw)
    monkeypatch.setattr(replay_module, "CompressedFrames", compressed)
    options: Any = {"compression": "zstd", "device": device}
    rng = np.random.default_rng(0)
    spec = ReplaySpec(1, (1, 4), np.dtype(np.uint8), rng, torch.device("cuda"))
    chosen: Any = replay_module._frame_store(spec, 100, options)
    assert chosen == expected


def test_memory_that_is_not_given_is_one_clear_error() -> None:
    program = (
        "import resource; from tests.buffer.slow_replay import make\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, -1))\n"
        "make(compression='none', capacity=2_000_000_000)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stderr.splitlines()[-1].startswith(
        "dqn_experiments.errors.ConfigError: buffer.capacity=2000000000: "
    )
