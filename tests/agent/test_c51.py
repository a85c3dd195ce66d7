"""C51 against algorithm 1 of Bellemare et al. 2017, one atom at a time."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from dqn_experiments.agent.c51 import C51
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.batch import Batch
from tests.agent.tables import SHARED, Array, Floats, Table, assert_same, batch_of, best


def rule(**changes: Any) -> C51:
    arguments = {**SHARED, "atoms": 7, "v_min": -2.0, "v_max": 4.0, "priority": "loss"}
    return C51(**{**arguments, **changes})


def softmax(logits: Floats) -> list[float]:
    weights = [math.exp(logit) for logit in logits]
    return [weight / sum(weights) for weight in weights]


def projected(
    reward: float, discount: float, probability: Floats, low: float, high: float
) -> list[float]:
    count = len(probability)
    gap = (high - low) / (count - 1)
    mass = [0.0] * count
    for j in range(count):
        place = min(high, max(low, reward + discount * (low + j * gap)))
        b = (place - low) / gap
        below, above = math.floor(b), math.ceil(b)
        if below == above:
            mass[below] += probability[j]
        else:
            mass[below] += probability[j] * (above - b)
            mass[above] += probability[j] * (b - below)
    return mass


def slow(
    rows: Array, online: Array, target: Array, batch: Batch, double: bool, priority: str
) -> tuple[Floats, Floats]:
    losses, priorities = [], []
    atoms = np.linspace(-2, 4, 7)
    for i in range(len(batch.action)):
        state, after = int(batch.observation[i, 0]), int(batch.next_observation[i, 0])
        chooser = (online if double else target)[after]
        values = [float(np.dot(softmax(logits), atoms)) for logits in chooser]
        next_probability = softmax(target[after][best(values)])
        reward, discount = float(batch.reward[i]), float(batch.discount[i])
        mass = projected(reward, discount, next_probability, -2.0, 4.0)
        predicted = softmax(rows[state, int(batch.action[i])])
        loss = -sum(m * math.log(p) for m, p in zip(mass, predicted, strict=True))
        divergence = sum(m * math.log(m / p) for m, p in zip(mass, predicted, strict=True) if m > 0)
        losses.append(loss)
        priorities.append(
            {"loss": loss, "sqrt_loss": math.sqrt(loss + 1e-10), "kl": divergence}[priority]
        )
    return losses, priorities


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("priority", ["loss", "sqrt_loss", "kl"])
@pytest.mark.parametrize("whole", [False, True], ids=["between atoms", "on atoms"])
def test_distributions_learn_as_algorithm_1_says(double: bool, priority: Any, whole: bool) -> None:
    online, target, batch = Table(7, 1), Table(7, 2), batch_of(30)
    if whole:
        batch.reward.round_()
        batch.discount.round_()
    got = rule(double=double, priority=priority).loss(online, target, batch)
    assert_same(
        got,
        online,
        lambda rows: slow(rows, online.rows(), target.rows(), batch, double, priority),
    )
    assert target.table.grad is None
    assert online.with_gradients == [True] + [False] * double
    assert not any(target.with_gradients)


def target_of(agent: C51, reward: float, discount: float, logits: torch.Tensor) -> torch.Tensor:
    """The target distribution, which is the loss's slope by the log-probabilities."""
    batch = Batch(
        observation=torch.zeros(1, 1, dtype=torch.uint8),
        action=torch.tensor([0]),
        reward=torch.tensor([reward]),
        discount=torch.tensor([discount]),
        next_observation=torch.zeros(1, 1, dtype=torch.uint8),
        weight=torch.ones(1),
        index=torch.zeros(1, dtype=torch.int64),
    )
    online = torch.zeros(1, 1, agent.outputs, requires_grad=True)
    network: Any = lambda observation: online  # noqa: E731
    target_network: Any = lambda observation: logits[None, None]  # noqa: E731
    agent.loss(network, target_network, batch).loss.sum().backward()
    assert online.grad is not None
    return 1 / agent.outputs - online.grad[0, 0]


@pytest.mark.parametrize("reward", [*range(-12, 13), 0.4, -9.6, 0.1, 1e9, -1e9])
@pytest.mark.parametrize("discount", [0.0, 0.99**3, 1.0])
def test_no_mass_is_lost_in_f32(reward: float, discount: float) -> None:
    agent = rule(atoms=51, v_min=-10.0, v_max=10.0)
    torch.manual_seed(0)
    target = target_of(agent, float(reward), discount, torch.randn(51) * 3)
    assert target.sum().item() == pytest.approx(1, abs=1e-5)
    assert target.min() >= -1e-7
    if discount == 0:  # where the end is, all of it is at the reward
        mean = (target * torch.linspace(-10, 10, 51)).sum().item()
        assert mean == pytest.approx(min(10, max(-10, reward)), abs=1e-4)
        assert (target > 1e-5).sum() <= 2


def test_within_the_bounds_the_mean_moves_as_returns_do() -> None:
    agent = rule(atoms=51, v_min=-10.0, v_max=10.0)
    torch.manual_seed(0)
    logits, atoms = torch.randn(51) * 2, torch.linspace(-10, 10, 51)
    expected = 0.7 + 0.9 * (logits.softmax(0) * atoms).sum()
    got = (target_of(agent, 0.7, 0.9, logits) * atoms).sum()
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_values_are_means_over_atoms() -> None:
    agent = rule(atoms=3, v_min=-1.0, v_max=5.0)
    chances = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    torch.testing.assert_close(agent.values(chances.log()), torch.tensor([[1.25, 2.0, 5.0]]))
    assert (agent.outputs, agent.implicit) == (3, None)


def test_certain_networks_have_finite_losses_and_priorities() -> None:
    online, target, batch = Table(7, 1), Table(7, 2), batch_of(30)
    with torch.no_grad():
        online.table.mul_(1e4)
        target.table.mul_(1e4)
    for priority in ("loss", "sqrt_loss", "kl"):
        loss, drawn_by = rule(priority=priority).loss(online, target, batch)
        loss.sum().backward()
        assert online.table.grad is not None
        assert torch.isfinite(torch.cat([loss, drawn_by, online.table.grad.flatten()])).all()
        assert (drawn_by >= 0).all()


def test_equal_distributions_have_nothing_to_learn_by_their_divergence() -> None:
    table, batch = Table(7, 1).float(), batch_of(30)  # f32, where some are less than 0 by rounding
    batch.next_observation.copy_(batch.observation)
    batch.reward.zero_()
    batch.discount.fill_(1.0)
    values = rule().values(table(batch.observation))
    batch.action.copy_(values.argmax(dim=1))
    priority = rule(priority="kl").loss(table, table, batch).priority
    assert priority.abs().max() < 1e-6
    assert (priority >= 0).all()


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"agent\.v_min=3\.0: must be less than agent\.v_max=2"):
        composed("agent=c51", "agent.v_min=3", "agent.v_max=2")
