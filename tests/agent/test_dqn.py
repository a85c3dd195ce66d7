"""Loss and gradients of the update against loops over samples and scalars."""

from typing import Any, cast

import pytest
import torch
from torch import nn

from dqn_experiments.agent.dqn import DQN
from dqn_experiments.experience.batch import Batch
from dqn_experiments.experience.spec import NetworkSpec
from dqn_experiments.network.torso.nature_cnn import NatureCNN
from dqn_experiments.network.torso_and_head import TorsoAndHead

ACTIONS = 4


def rule(**changes: Any) -> DQN:
    arguments: dict[str, Any] = {
        "discount": 0.99,
        "target_update_every": 100,
        "random_target": True,
        "double": False,
        "loss": "huber",
        "munchausen": False,
        "munchausen_alpha": 0.9,
        "entropy_temperature": 0.03,
        "log_policy_floor": -1.0,
        "log_policy_network": "target",
    }
    return DQN(**{**arguments, **changes})


def network(hidden: int = 32) -> nn.Module:
    spec = NetworkSpec((4, 84, 84), ACTIONS, DQN.outputs)
    return TorsoAndHead(spec, torso=NatureCNN, hidden=[hidden], dueling=False)


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
    online_network: nn.Module, target_network: nn.Module, batch: Batch, double: bool, loss: str
) -> tuple[list[torch.Tensor], list[float]]:
    """The paper's target and its clipped error, one sample and one action value at a time."""
    losses, errors = [], []
    for i in range(len(batch.action)):
        online = online_network(batch.observation[i : i + 1])[0, :, 0]
        with torch.no_grad():
            after = target_network(batch.next_observation[i : i + 1])[0, :, 0]
            chooser = (
                online_network(batch.next_observation[i : i + 1])[0] if double else after
            ).flatten()
        best = max(range(ACTIONS), key=lambda action: float(chooser[action]))
        target = float(batch.reward[i]) + float(batch.discount[i]) * float(after[best])
        error = online[int(batch.action[i])] - target
        errors.append(abs(error.item()))
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
    online, target = network(), network()
    batch = random_batch(size, (4, 84, 84))

    losses, priority = rule(double=double, loss=loss).loss(online, target, batch)
    losses.mean().backward()
    gradients = [torch.clone(cast(torch.Tensor, weight.grad)) for weight in online.parameters()]
    online.zero_grad()
    slow, errors = slow_losses(online, target, batch, double, loss)
    expected = torch.stack(slow)
    expected.mean().backward()

    torch.testing.assert_close(losses, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(priority, torch.tensor(errors), atol=1e-5, rtol=1e-5)
    assert not priority.requires_grad
    for gradient, weight in zip(gradients, online.parameters(), strict=True):
        torch.testing.assert_close(gradient, weight.grad, atol=1e-5, rtol=1e-5)
    assert all(weight.grad is None for weight in target.parameters())


def test_double_and_plain_differ_where_the_networks_disagree() -> None:
    torch.manual_seed(0)
    both, batch = (network(), network()), random_batch(32, (4, 84, 84))
    assert not torch.equal(
        rule().loss(*both, batch).loss, rule(double=True).loss(*both, batch).loss
    )
