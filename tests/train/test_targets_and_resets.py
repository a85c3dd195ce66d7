"""When and how much of the online network the target network takes, and resets of both."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dqn_experiments.config.compose import composed
from dqn_experiments.run import checkpoint
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.start import train
from tests.conftest import QUICK_CARTPOLE
from tests.train.test_learner import batch, learner, same


def weights(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def test_a_soft_update_moves_the_target_by_its_share() -> None:
    one = learner("agent.target_mix=0.25")
    one.update(batch(), 0)
    before, online = weights(one.target_network), weights(one.network)
    one.sync_target()
    for target, old, own in zip(weights(one.target_network), before, online, strict=True):
        torch.testing.assert_close(target, 0.75 * old + 0.25 * own)
        assert not torch.equal(target, old)


def test_a_soft_update_is_made_as_often_as_it_is_due_with_several_environments() -> None:
    every = "agent.target_update_every=2", "agent.target_mix=0.25", "env.num_envs=4"
    config = composed(*QUICK_CARTPOLE, *every, "learning_starts=40", "update_every=1_000")
    loop = assembled(config, torch.device("cpu"))
    loop.start()
    while loop.step < 40:
        loop.advance()
    with torch.no_grad():
        for weight in loop.learner.network.parameters():
            weight.add_(1)
    before, online = weights(loop.learner.target_network), weights(loop.learner.network)
    loop.advance()
    loop.player.close()
    for target, old, own in zip(weights(loop.learner.target_network), before, online, strict=True):
        torch.testing.assert_close(target, 0.75**2 * old + (1 - 0.75**2) * own)


def test_running_statistics_are_copied_by_a_soft_update() -> None:
    one = learner("agent.target_mix=0.1", network="Normalised")
    one.update(batch(), 0)
    one.sync_target()
    buffers = dict(one.target_network.named_buffers())
    assert buffers
    for name, own in one.network.named_buffers():
        assert torch.equal(buffers[name], own)


def test_a_period_in_updates_is_counted_in_updates_and_goes_on_after_a_restart() -> None:
    one = learner("agent.target_update_unit=updates", "agent.target_update_every=3")
    synced = []
    for number in range(1, 8):
        one.update(batch(), 0)
        if same(one.network, one.target_network):
            synced.append(number)
        if number == 4:
            saved = copy.deepcopy(one.network.state_dict()), copy.deepcopy(one.state_dict())
            one = learner("agent.target_update_unit=updates", "agent.target_update_every=3")
            one.network.load_state_dict(saved[0])
            one.load_state_dict(saved[1])
    assert synced == [3, 6]


def test_a_reset_mixes_the_weights_with_new_ones_and_forgets_the_rest() -> None:
    one = learner("network.torso.hidden=[6]")
    for _ in range(5):
        one.update(batch(), 0)
    old = dict(copy.deepcopy(one.network).named_parameters())
    one.reset(keep_torso=0.75, keep_head=0.0)
    again = learner("network.torso.hidden=[6]")
    fresh = dict(again._fresh_network().named_parameters())  # the second of the stream, as here
    for name, weight in one.network.named_parameters():
        share = 0.75 if name.startswith("torso.") else 0.0
        torch.testing.assert_close(weight, share * old[name] + (1 - share) * fresh[name])
    assert {name.split(".")[0] for name in old} == {"torso", "head"}
    assert same(one.network, one.target_network)
    assert not one.state_dict()["optimizer"]["state"]
    one.update(batch(), 0)  # and the new optimizer's are these weights
    assert not same(one.network, one.target_network)


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.0])
def test_a_reset_leaves_no_spectral_norm_of_former_weights(keep: float) -> None:
    torch.manual_seed(1)  # power iterations take long where two singular values are close
    one = learner(network="Normalised")
    layer: Any = one.network.layer
    with torch.no_grad():  # far from where it began
        layer.parametrizations.weight.original.mul_(torch.randn(2, 4) * 30)
    for _ in range(20):
        one.update(batch(), 0)
    one.reset(keep_torso=0.0, keep_head=keep)
    for network in (one.network, one.target_network):
        layer = network.eval().layer
        weight = layer.weight.detach()
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.01)


RUN = (
    *QUICK_CARTPOLE,
    "tracker.mode=disabled",
    "total_steps=1200",
    "learning_starts=100",
    "checkpoint.every=0",
    "evaluation.episodes=1",
)
FAMILY = {
    "resets": ("reset.every=300", "reset.until=900"),
    "soft": (
        "agent.target_update_unit=updates",
        "agent.target_update_every=1",
        "agent.target_mix=0.01",
    ),
    "several": ("updates_at_once=3", "update_every=5"),
}


@pytest.mark.parametrize("name", FAMILY)
def test_a_run_stopped_half_way_ends_with_the_same_weights(name: str, tmp_path: Path) -> None:
    ends = []
    for run, stops in ((tmp_path / "whole", ()), (tmp_path / "halves", (450, 777))):
        run.mkdir()
        for stop in stops:
            train(composed(*RUN, *FAMILY[name], f"pause_after={stop}"), run)
        train(composed(*RUN, *FAMILY[name]), run)
        ends.append((checkpoint.find(run, "latest").path / checkpoint.WEIGHTS).read_bytes())
    assert ends[0] == ends[1]


def test_resets_come_when_they_are_due_and_none_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[int] = []
    monkeypatch.setattr(Learner, "reset", lambda self, *kept: came.append(self.updates))
    train(composed(*RUN, *FAMILY["resets"], "update_every=2", "updates_at_once=4"), tmp_path)
    assert came == [(step - 100) // 2 * 4 for step in (300, 600, 900)]
