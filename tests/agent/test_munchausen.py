"""Targets of Munchausen RL, and of double Q-learning, for values and for quantiles, by loops."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from dqn_experiments.agent.dqn import DQN
from dqn_experiments.agent.munchausen import munchausen_bonus, scaled_log_policy, soft_value
from dqn_experiments.agent.qr_dqn import QRDQN
from dqn_experiments.experience.batch import Batch
from tests.agent.tables import (
    PLAIN,
    Array,
    Floats,
    Table,
    assert_same,
    batch_of,
    slow_quantile_loss,
    slow_targets,
)

VARIANTS = [
    {**PLAIN, "double": double, "munchausen": munchausen, "log_policy_network": whose}
    for double, munchausen, whose in itertools.product(
        (False, True), (False, True), ("target", "online")
    )
]


def slow(
    rows: Array,
    online: Array,
    target: Array,
    batch: Batch,
    options: dict[str, Any],
    loss: str,
    kappa: float,
) -> tuple[Floats, Floats]:
    """Losses and priorities by `rows`; the target takes the networks as they are."""
    losses, priorities = [], []
    for i in range(len(batch.action)):
        state, after = int(batch.observation[i, 0]), int(batch.next_observation[i, 0])
        action = int(batch.action[i])
        whose = online if options["log_policy_network"] == "online" else target
        targets = slow_targets(
            float(batch.reward[i]),
            float(batch.discount[i]),
            target[after],
            (online if options["double"] else target)[after].mean(axis=1).tolist(),
            whose[state].mean(axis=1).tolist(),
            action,
            options,
        )
        predicted = rows[state, action]
        if loss == "quantile":
            taus = [(2 * n + 1) / (2 * len(predicted)) for n in range(len(predicted))]
            value, distance = slow_quantile_loss(predicted, taus, targets, kappa)
        else:
            distance = abs(targets[0] - predicted[0])
            value = distance**2
            if loss == "huber":
                value = 0.5 * value if distance <= 1 else distance - 0.5
        losses.append(value)
        priorities.append(
            {"loss": value, "sqrt_loss": math.sqrt(value + 1e-10)}.get(
                options.get("priority", ""), distance
            )
        )
    return losses, priorities


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("loss", ["huber", "mse"])
def test_values_learn_as_a_loop_says(options: dict[str, Any], loss: Any) -> None:
    online, target, batch = Table(1, 1), Table(1, 2), batch_of(40)
    got = DQN(loss=loss, **options).loss(online, target, batch)
    assert_same(
        got,
        online,
        lambda rows: slow(rows, online.rows(), target.rows(), batch, options, loss, 1.0),
    )
    assert target.table.grad is None


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize(
    ("kappa", "priority"), [(1.0, "loss"), (0.3, "td_error"), (0.0, "sqrt_loss")]
)
def test_quantiles_learn_as_a_loop_says(
    options: dict[str, Any], kappa: float, priority: Any
) -> None:
    online, target, batch = Table(4, 1), Table(4, 2), batch_of(12)
    options = {**options, "priority": priority}
    rule = QRDQN(quantiles=4, kappa=kappa, **options)
    assert (rule.outputs, rule.implicit) == (4, None)
    got = rule.loss(online, target, batch)
    assert_same(
        got,
        online,
        lambda rows: slow(rows, online.rows(), target.rows(), batch, options, "quantile", kappa),
    )
    assert target.table.grad is None


@pytest.mark.parametrize("options", VARIANTS)
def test_the_online_network_sees_each_observation_once(options: dict[str, Any]) -> None:
    online, target, batch = Table(1, 1), Table(1, 2), batch_of(8)
    DQN(loss="huber", **options).loss(online, target, batch)
    assert online.with_gradients == [True] + [False] * options["double"]
    of_here = options["munchausen"] and options["log_policy_network"] == "target"
    assert target.with_gradients == [False] * (1 + of_here)


def test_the_floor_is_reached_by_some_and_not_by_others() -> None:
    """Else the loops above would say nothing of it."""
    values = Table(1, 2)(batch_of(40).observation).squeeze(2)
    bonus = munchausen_bonus(values.detach(), batch_of(40).action, 0.4, -1.0)
    assert 5 < int((bonus == -1).sum()) < 35
    assert float(bonus.max()) < 0


def test_a_cold_policy_is_q_learning() -> None:
    batch = batch_of(40)
    cold = {**PLAIN, "entropy_temperature": 1e-4, "munchausen_alpha": 0.0}
    losses = [
        DQN(loss="mse", **{**cold, "munchausen": on}).loss(Table(1, 1), Table(1, 2), batch).loss
        for on in (False, True)
    ]
    torch.testing.assert_close(*losses, atol=1e-9, rtol=0)


def test_large_values_do_not_blur_the_policy() -> None:
    """Gaps of a hundredth between values of 10,000, in f32, against the same gaps in f64."""
    gaps = np.arange(6) / 128
    values = torch.from_numpy(10_000 + gaps).float()[None]
    weights = np.exp(gaps / 0.03)
    expected = 0.03 * np.log(weights / weights.sum())
    got = scaled_log_policy(values, 0.03)
    np.testing.assert_allclose(got[0].numpy(), expected, rtol=1e-5)
    entropy = -(weights / weights.sum() * expected).sum()
    soft = soft_value(torch.zeros(1, 6, 2), values, 0.03)
    np.testing.assert_allclose(soft[0].numpy(), [entropy] * 2, rtol=1e-5)


def test_actions_far_below_the_best_are_no_trouble() -> None:
    values = torch.tensor([[0.0, 1e6, -1e6]])
    assert torch.isfinite(scaled_log_policy(values, 0.03)).all()
    assert soft_value(values[:, :, None], values, 0.03).item() == 1e6
    bonus = munchausen_bonus(values.repeat(3, 1), torch.arange(3), 0.03, -1.0)
    assert bonus.tolist() == [-1.0, 0.0, -1.0]


def test_quantile_regression_finds_quantiles() -> None:
    """Of 1, 2 and 6 with the chances 1/4, 1/4 and 1/2, at 1/8, 3/8, 5/8 and 7/8."""
    rule = QRDQN(quantiles=4, kappa=0.0, priority="loss", **PLAIN)
    network, target, batch = Table(4, 1), Table(4, 2), batch_of(8)
    batch.observation.zero_()
    batch.action.zero_()
    batch.discount.zero_()
    batch.reward.copy_(torch.tensor([1.0, 1, 2, 2, 6, 6, 6, 6]))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(1_000):
        optimizer.zero_grad()
        rule.loss(network, target, batch).loss.mean().backward()
        optimizer.step()
    np.testing.assert_allclose(network.rows()[0, 0], [1, 2, 6, 6], atol=0.05)
    assert rule.values(network(batch.observation))[0, 0].item() == pytest.approx(15 / 4, abs=0.05)
