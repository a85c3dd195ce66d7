"""An agent out of a checkpoint, asked in every way a caller may."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqn_experiments as dqn
from tests.conftest import ROOT

Agent = Any


@pytest.fixture(scope="module", params=["cartpole", "breakout"])
def run_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / request.param
    return shutil.copytree(ROOT / "tests" / "frozen" / "0.2.0" / request.param, folder)


@pytest.fixture
def agent(run_dir: Path) -> Agent:
    return dqn.load(run_dir)


def observations(agent: Agent, seed: int = 0) -> Any:
    rng, shape = np.random.default_rng(seed), (3, *agent.observation_shape)
    if len(shape) > 3:
        return rng.integers(256, size=shape, dtype=np.uint8)
    return rng.normal(size=shape).astype(np.float32)


def test_whatever_holds_the_numbers_is_an_observation(agent: Agent) -> None:
    seen = observations(agent)
    expected = agent.act(seen)
    assert expected.dtype == np.int64
    for same in (seen.tolist(), torch.from_numpy(seen), list(seen), np.asfortranarray(seen)):
        assert agent.act(same).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "wrong",
    [None, 3, "screen", [], [[1.0, 2.0], [3.0]], [1.0, 2.0, 3.0, 4.0], np.array([[None] * 4])],
)
def test_anything_else_is_told_what_is_expected(agent: Agent, wrong: Any) -> None:
    kind = "uint8" if len(agent.observation_shape) > 2 else "float32"
    shape = ", ".join(map(str, ("N", *agent.observation_shape)))
    with pytest.raises(ValueError, match="observations must be") as told:
        agent.act(wrong)
    assert str(told.value).startswith(f"observations must be {kind} ({shape}), and are ")
    assert "\n" not in str(told.value)


def test_numbers_that_are_no_bytes_are_no_screen(agent: Agent) -> None:
    seen = observations(agent).astype(np.int64)
    seen[0] = 300
    if len(agent.observation_shape) > 2:
        with pytest.raises(ValueError, match="and are from 0 to 300"):
            agent.act(seen)
    else:
        assert len(agent.act(seen)) == 3


def test_exploration_can_start_again_from_a_seed(agent: Agent, run_dir: Path) -> None:
    seen = np.repeat(observations(agent)[:1], 40, axis=0)
    expected = dqn.load(run_dir, seed=3).act(seen, epsilon=1.0).tolist()
    assert agent.act(seen, epsilon=1.0).tolist() != expected
    for _ in range(2):
        agent.explore_from(3)
        assert agent.act(seen, epsilon=1.0).tolist() == expected
