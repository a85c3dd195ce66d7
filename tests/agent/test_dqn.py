"""Loss and gradients of the update against loops over samples and scalars."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from dqn_experiments.agent.dqn import DQN
from dqn_experiments.experience.batch import Batch
from dqn_experiments.network.nature_cnn import NatureCNN

ACTIONS = 4


def agent(network: nn.Module, **changes: Any) -> DQN:
    arguments: dict[str, Any] = {
        "discount": 0.99,
        "target_update_every": 100,
        "random_target": True,
        "double": False,
        "loss": "huber",
    }
    return DQN(network, ACTIONS, **{**arguments, **changes})


def random_batch(size: int, shape: tuple[int, ...]) -> Batch:
    generator = torch.Generator().manual_seed(size)

    def pixels() -> torch.Tensor:
        return torch.randint(256, (size, *shape), dtype=torch.uint8, generator=generator)

    return Batch(
        observation=pixels(),
        action=torch.randint(ACTIONS, (size,), generator=generator),
        reward=torch.randn(size, generator=generator) * 2,
        discount=torch.where(torch.rand(size, generator=generator) < 0.3, 0.0, 0.99),
        next_observation=pixels(),
        weight=torch.ones(size),
        index=torch.arange(size),
    )


def slow_losses(
    learner: DQN, batch: Batch, double: bool, loss: str
) -> tuple[list[torch.Tensor], list[float]]:
    """The paper's target and its clipped error, one sample and one action value at a time."""
    losses, errors = [], []
    for i in range(len(batch.action)):
        online = learner.network(batch.observation[i : i + 1])[0]
        with torch.no_grad():
            after = learner.target_network(batch.next_observation[i : i + 1])[0]
            chooser = learner.network(batch.next_observation[i : i + 1])[0] if double else after
        best = max(range(ACTIONS), key=lambda action: float(chooser[action]))
        target = float(batch.reward[i]) + float(batch.discount[i]) * float(after[best])
        error = online[int(batch.action[i])] - target
        errors.append(-error.item())
        if loss == "mse":
            losses.append(error * error)
        elif abs(error.item()) <= 1:
            losses.append(0.5 * error * error)
        else:
            losses.append(abs(error) - 0.5)
    return losses, errors


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("loss", ["huber", "mse"])
@pytest.mark.parametrize("size", [1, 7, 32])
def test_losses_and_gradients_are_those_of_a_loop(double: bool, loss: str, size: int) -> None:
    torch.manual_seed(0)
    network = NatureCNN((4, 84, 84), ACTIONS, hidden=32)
    learner = agent(network, double=double, loss=loss)
    batch = random_batch(size, (4, 84, 84))

    losses, td_error = learner.loss(batch)
    losses.mean().backward()
    gradients = [torch.clone(cast(torch.Tensor, weight.grad)) for weight in network.parameters()]
    network.zero_grad()
    slow, errors = slow_losses(learner, batch, double, loss)
    expected = torch.stack(slow)
    expected.mean().backward()

    torch.testing.assert_close(losses, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(td_error, torch.tensor(errors), atol=1e-5, rtol=1e-5)
    assert not td_error.requires_grad
    for gradient, weight in zip(gradients, network.parameters(), strict=True):
        torch.testing.assert_close(gradient, weight.grad, atol=1e-5, rtol=1e-5)
    assert all(weight.grad is None for weight in learner.target_network.parameters())


def test_double_and_plain_differ_where_the_networks_disagree() -> None:
    torch.manual_seed(0)
    network = NatureCNN((4, 84, 84), ACTIONS, hidden=32)
    learner, double = agent(network), agent(network, double=True)
    double.target_network = learner.target_network
    batch = random_batch(32, (4, 84, 84))
    assert not torch.equal(learner.loss(batch)[0], double.loss(batch)[0])


def test_target_starts_equal_or_random_and_is_copied() -> None:
    network = NatureCNN((4, 84, 84), ACTIONS, hidden=8)
    pixels = torch.randint(256, (2, 4, 84, 84), dtype=torch.uint8)
    learner = agent(network, random_target=False)
    assert torch.equal(learner.target_network(pixels), network(pixels))
    learner = agent(network)
    assert not torch.equal(learner.target_network(pixels), network(pixels))
    learner.sync_target()
    assert torch.equal(learner.target_network(pixels), network(pixels))


def test_acting_is_epsilon_greedy() -> None:
    torch.manual_seed(0)
    learner = agent(NatureCNN((4, 84, 84), ACTIONS, hidden=8))
    observation = np.random.default_rng(0).integers(256, size=(8000, 1, 1, 1), dtype=np.uint8)
    observation = np.broadcast_to(observation, (8000, 4, 36, 36)).copy()
    learner.network = NatureCNN((4, 36, 36), ACTIONS, hidden=8)
    greedy = learner.network(torch.from_numpy(observation)).argmax(dim=1).numpy()
    action, value = learner.act(observation, 0.4, np.random.default_rng(1))
    assert np.mean(np.isnan(value)) == pytest.approx(0.4, abs=0.02)
    assert (action[~np.isnan(value)] == greedy[~np.isnan(value)]).all()
    explored = np.bincount(action[np.isnan(value)], minlength=ACTIONS) / np.isnan(value).sum()
    assert explored == pytest.approx(np.full(ACTIONS, 1 / ACTIONS), abs=0.03)
