"""On an NVIDIA GPU: whole graphs compute what kernels one by one do, and runs go on bit for bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dqn_experiments.buffer.frames import RawFrames
from dqn_experiments.run.tensors import load_tensors, save_tensors
from dqn_experiments.train.assembly import assembled
from tests.catch.config import catch
from tests.train.family import covering, label, overrides
from tests.train.test_family import SMALL, UPDATES, assert_goes_on
from tests.train.updates import (
    FAMILY,
    OPTIMIZERS,
    after_updates,
    batches,
    learner_of,
    settings,
)

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")


def after(graphs: bool, *chosen: str) -> torch.Tensor:
    """All weights of both networks, after 200 updates."""
    learner = learner_of(settings("cuda", *chosen, f"cuda_graphs={graphs}"))
    weights = after_updates(learner, batches(200, 8, 84, "cuda"))
    assert not graphs or learner._descend._graphs  # it could be captured
    return weights


@pytest.mark.parametrize("chosen", FAMILY, ids=" ".join)
def test_graphs_compute_what_kernels_do(chosen: list[str]) -> None:
    plain, graphs = after(False, *chosen), after(True, *chosen)
    assert (graphs - plain).norm() / plain.norm() < 1e-4


@pytest.mark.parametrize("chosen", covering(18), ids=label)
def test_runs_go_on_bit_for_bit(chosen: dict[str, str], tmp_path: Path) -> None:
    config = catch(*SMALL, *overrides(chosen), "device=cuda", "deterministic=true")
    assert_goes_on(config, tmp_path, (15, 36), UPDATES[0])


@pytest.mark.parametrize(("there", "here"), [("cuda", "cpu"), ("cpu", "cuda")])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_one_device_learned_another_goes_on_with(
    optimizer: str, there: str, here: str, tmp_path: Path
) -> None:
    left, taken = (
        assembled(catch(*SMALL, f"optimizer={optimizer}", f"device={each}"), torch.device(each))
        for each in (there, here)
    )
    left.start()
    for _ in range(60):
        left.advance()
    taken.learner.network.load_state_dict(left.learner.network.state_dict())
    save_tensors(left.learner.state_dict())(tmp_path / "learner.pt")
    taken.learner.load_state_dict(load_tensors(tmp_path / "learner.pt"))
    taken.replay.load_state_dict(left.replay.state_dict())
    for _ in range(8):
        taken.learner.update(taken.replay.sample(), 60)
    assert all(weight.isfinite().all() for weight in taken.learner.network.parameters())


def test_frames_lie_on_the_gpu() -> None:
    draw = np.random.default_rng(0)
    here, there = (
        RawFrames(3, 7, (5, 4), np.uint8, torch.device(device)) for device in ("cpu", "cuda")
    )
    for _ in range(20):
        env = np.flatnonzero(draw.random(3) < 0.7)
        frames = draw.integers(256, size=(len(env), 5, 4), dtype=np.uint8)
        for store in (here, there):
            store.append(env, frames)
    env = draw.integers(3, size=(50, 4))
    number = here.count[env] - 1 - draw.integers(5, size=(50, 4))
    assert torch.equal(here.read(env, number)(), there.read(env, number)().cpu())
