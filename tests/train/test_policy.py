"""Who acts changes nothing in what is learned."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqn_experiments import trust
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import StateError
from dqn_experiments.run import checkpoint
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.start import train
from tests.conftest import QUICK_CARTPOLE
from tests.train.toy_networks import Noisy


def policy(network: nn.Module, seed: int = 1) -> EpsilonGreedy:
    rng = np.random.default_rng(seed)
    return EpsilonGreedy(network, lambda x: x, 4, rng, seed, torch.device("cpu"))


class Rows(nn.Module):
    """The values of actions are what is seen."""

    def forward(self, observation: Tensor) -> Tensor:
        return observation.flatten(1)


def test_acting_is_epsilon_greedy() -> None:
    observation = np.random.default_rng(0).random((8000, 1, 4)).astype(np.float32)
    action, value = policy(Rows()).act(observation, 0.4)
    explored = np.isnan(value)
    assert explored.mean() == pytest.approx(0.4, abs=0.02)
    assert (action[~explored] == observation[~explored, 0].argmax(axis=1)).all()
    assert (value[~explored] == observation[~explored, 0].max(axis=1)).all()
    counts = np.bincount(action[explored], minlength=4) / explored.sum()
    assert counts == pytest.approx(np.full(4, 1 / 4), abs=0.03)


def test_a_state_brings_back_what_comes_next() -> None:
    class Loud(Rows):
        def forward(self, observation: Tensor) -> Tensor:
            return observation.flatten(1) + torch.randn(len(observation), 4)

    seen = np.zeros((50, 1, 4), np.float32)
    one, other = policy(Loud(), 1), policy(Loud(), 2)
    one.act(seen, 0.3)
    saved = one.state_dict()
    expected = one.act(seen, 0.3)
    assert not np.array_equal(other.act(seen, 0.3)[0], expected[0])
    other.load_state_dict(saved)
    for found, same in zip(other.act(seen, 0.3), expected, strict=True):
        np.testing.assert_array_equal(found, same)
    with pytest.raises(StateError, match="network"):
        other.load_state_dict({**saved, "network": {}})


@pytest.mark.parametrize("network", ["Noisy", "Normalised"])
def test_evaluating_changes_nothing_in_training(network: str, tmp_path: Path) -> None:
    trust("tests.train.toy_networks")
    (tmp_path / "network").mkdir()
    target = f"_target_: tests.train.toy_networks.{network}\n"
    (tmp_path / "network" / "toy.yaml").write_text(target)
    histories, weights = [], []
    for every in (0, 100):
        run_dir = tmp_path / str(every)
        run_dir.mkdir()
        own = ["network=toy", f"evaluation.every={every}", "tracker.mode=disabled"]
        train(composed(*QUICK_CARTPOLE, *own, own=tmp_path), run_dir)
        torch.randn(every)  # of nobody's concern either
        histories.append((run_dir / "history.csv").read_text())
        weights.append(checkpoint.find(run_dir, "latest").weights())
    assert histories[0] == histories[1]
    assert all(map(torch.equal, weights[0].values(), weights[1].values()))


def test_a_run_with_noise_goes_on_bit_for_bit(tmp_path: Path) -> None:
    trust("tests.train.toy_networks")
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "toy.yaml").write_text(f"_target_: {Noisy.__module__}.Noisy\n")
    quick = (*QUICK_CARTPOLE, "network=toy", "tracker.mode=disabled")
    for run, pauses in (("whole", []), ("parts", ["pause_after=150"])):
        (tmp_path / run).mkdir()
        config = composed(*quick, *pauses, own=tmp_path)
        starts = 0
        while train(config, tmp_path / run).status == "paused":
            starts += 1
        assert starts == (3 if pauses else 0)
    histories = [(tmp_path / run / "history.csv").read_text() for run in ("whole", "parts")]
    assert histories[0] == histories[1]
