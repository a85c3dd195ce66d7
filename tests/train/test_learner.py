"""What a learner keeps to itself: its target, its modes, its stream, its optimizer's state."""

import copy
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn

from dqn_experiments import trust
from dqn_experiments.config.compose import composed
from dqn_experiments.experience.batch import Batch
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.modes import Modes

CPU = torch.device("cpu")
SHAPE, ACTIONS = (1, 4), 2
COMMON = ("env=cartpole", "network=mlp", "network.hidden=[8]", "tracker.mode=disabled")


def learner(*overrides: str, network: str | None = None) -> Learner:
    config = composed(*COMMON, *overrides)
    if network:
        trust("tests.train.toy_networks")
        config.network = {"_target_": f"tests.train.toy_networks.{network}"}
    return Learner(config, SHAPE, ACTIONS, CPU)


def batch(size: int = 16) -> Batch:
    draw = torch.Generator().manual_seed(size)
    return Batch(
        observation=torch.randn(size, *SHAPE, generator=draw),
        action=torch.randint(ACTIONS, (size,), generator=draw),
        reward=torch.randn(size, generator=draw),
        discount=torch.full((size,), 0.9),
        next_observation=torch.randn(size, *SHAPE, generator=draw),
        weight=torch.ones(size),
        index=torch.arange(size),
    )


def same(first: nn.Module, second: nn.Module) -> bool:
    both = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in both)


def test_the_target_starts_as_a_copy_or_from_weights_of_its_own() -> None:
    one = learner()
    assert same(one.network, one.target_network)
    own = learner("agent.random_target=true")
    assert same(own.network, one.network)  # the seed's
    assert not same(own.network, own.target_network)
    own.sync_target()
    assert same(own.network, own.target_network)


def test_an_update_moves_the_network_and_nothing_else() -> None:
    one = learner()
    before, target = copy.deepcopy(one.network), copy.deepcopy(one.target_network)
    stream = torch.get_rng_state()
    update = one.update(batch(), 0)
    assert not same(one.network, before)
    assert same(one.target_network, target)
    assert all(weight.grad is None for weight in one.target_network.parameters())
    assert not any(weight.requires_grad for weight in one.target_network.parameters())
    assert torch.equal(torch.get_rng_state(), stream)
    assert not update.loss.requires_grad
    assert not update.priority.requires_grad


def test_gradients_do_not_add_up_over_updates() -> None:
    one, other = learner("optimizer=rmsprop"), learner("optimizer=rmsprop")
    one.update(batch(), 0)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    other.network.load_state_dict(one.network.state_dict())
    for each in (one, other):  # the other has no gradients of a former update
        each.update(batch(8), 0)
    assert same(one.network, other.network)


def test_the_network_is_in_training_mode_during_an_update_only() -> None:
    one = learner(network="Watching")
    network: Any = one.network
    network(torch.zeros(1, *SHAPE))
    one.update(batch(), 0)
    network(torch.zeros(1, *SHAPE))
    assert network.modes[0] == network.modes[-1] == (False, False)
    assert set(network.modes[1:-1]) == {(True, False)}  # the inner module stays frozen


def test_modes_are_those_that_torch_would_set() -> None:
    network = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3)))
    modes = Modes(network)
    assert not any(module.training for module in network.modules())
    with suppress(InterruptedError), modes.training():
        assert all(module.training for module in network.modules())
        raise InterruptedError
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("network", [None, "Noisy", "Normalised"])
@pytest.mark.parametrize(
    "optimizer", ["adam", "rmsprop", "radam", "adamw optimizer.decay_bias=false"]
)
def test_a_state_brings_back_all_of_what_comes_next(network: str | None, optimizer: str) -> None:
    overrides = *f"optimizer={optimizer}".split(), "agent.random_target=true"
    one = learner(*overrides, network=network)
    one.update(batch(), 0)
    other = learner(*overrides, "seed=7", network=network)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    other.network.load_state_dict(copy.deepcopy(one.network.state_dict()))
    for size in (8, 9):
        assert torch.equal(one.update(batch(size), 0).loss, other.update(batch(size), 0).loss)
    assert same(one.network, other.network)
    assert same(one.target_network, other.target_network)


@pytest.mark.parametrize("seen", [True, False])
def test_weights_that_are_never_learned_are_no_obstacle(seen: bool) -> None:
    def half_frozen() -> Learner:
        one = learner()
        next(one.network.parameters()).requires_grad_(False)
        return one

    one, other = half_frozen(), half_frozen()
    if seen:
        one.update(batch(), 0)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    other.network.load_state_dict(one.network.state_dict())
    assert torch.equal(one.update(batch(8), 0).loss, other.update(batch(8), 0).loss)
    assert same(one.network, other.network)


def test_looking_at_an_optimizers_layout_changes_no_weight() -> None:
    """A step without gradients would: it decays them."""
    one = learner("optimizer.weight_decay=0.1")
    before = copy.deepcopy(one.network)
    one.load_state_dict(learner("optimizer.weight_decay=0.1").state_dict())
    assert same(one.network, before)


def moved(one: Learner, step: int) -> float:
    """How far an update at that agent step moves the weights."""
    before = [weight.detach().clone() for weight in one.network.parameters()]
    one.update(batch(), step)
    moves = zip(one.network.parameters(), before, strict=True)
    return float(sum((weight.detach() - was).square().sum() for weight, was in moves)) ** 0.5


def test_an_update_follows_the_learning_rate_and_bound_of_its_optimizer() -> None:
    """With eps=1e6 rmsprop is plain descent at a thousandth of the rate."""
    descent = "optimizer=rmsprop", "optimizer.lr=1000", "optimizer.eps=1e6", "agent.loss=mse"
    annealed = "optimizer/lr_factor=linear", "optimizer.lr_factor.end=0.5", "total_steps=100_000"
    free = moved(learner(*descent), 0)
    assert free > 0.1
    bounded = learner(*descent, *annealed, "optimizer.max_grad_norm=0.01")
    for step, rate in ((0, 1.0), (50_000, 0.75), (100_000, 0.5)):
        assert moved(bounded, step) == pytest.approx(0.01 * rate, rel=1e-3)
    assert moved(learner(*descent, *annealed), 100_000) == pytest.approx(free / 2, rel=1e-3)


def test_an_optimizer_need_not_be_prepared() -> None:
    config = composed(*COMMON)
    trust("tests.train.toy_networks")
    config.optimizer = {"_target_": "tests.train.toy_networks.Descent"}
    assert moved(Learner(config, SHAPE, ACTIONS, CPU), 0) > 0
