"""IQN against loops over the fractions that it asked its networks for."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from dqn_experiments.agent.iqn import IQN
from dqn_experiments.experience.batch import Batch
from dqn_experiments.experience.spec import Implicit
from tests.agent.tables import (
    PLAIN,
    Array,
    Curves,
    Floats,
    assert_same,
    batch_of,
    curve,
    slow_quantile_loss,
    slow_targets,
)

N, NEXT, K = 4, 3, 5
VARIANTS = [
    {**PLAIN, "double": double, "munchausen": munchausen, "log_policy_network": whose}
    | {"shared_samples": shared}
    for double, munchausen, whose, shared in itertools.product(
        (False, True), (False, True), ("target", "online"), (False, True)
    )
]


def rule(**options: Any) -> IQN:
    arguments: dict[str, Any] = {
        "tau_samples": N,
        "target_tau_samples": NEXT,
        "act_samples": K,
        "shared_samples": False,
        "cosines": 64,
        "first_cosine": 1,
        "kappa": 1.0,
        "priority": "loss",
    }
    return IQN(**{**PLAIN, **arguments, **options})


def slow(
    rows: Array,
    frozen: Array,
    online: Curves,
    target: Curves,
    batch: Batch,
    options: dict[str, Any],
    kappa: float,
) -> tuple[Floats, Floats]:
    """Losses and priorities by `rows`, with the fractions that the networks were asked for."""
    losses, priorities = [], []
    for i in range(len(batch.action)):
        state, after = int(batch.observation[i, 0]), int(batch.next_observation[i, 0])
        action, taus = int(batch.action[i]), online.drawn[0][i]
        asked = target.drawn[0][i]
        bootstrap = asked[:NEXT]
        if options["double"]:
            choosing = curve(frozen[after], online.drawn[1][i])
        else:
            choosing = curve(
                target.rows()[after], bootstrap if options["shared_samples"] else asked[NEXT:]
            )
        here = curve(frozen[state], taus)
        if options["munchausen"] and options["log_policy_network"] == "target":
            here = curve(target.rows()[state], target.drawn[1][i])
        targets = slow_targets(
            float(batch.reward[i]),
            float(batch.discount[i]),
            curve(target.rows()[after], bootstrap),
            choosing.mean(axis=1).tolist(),
            here.mean(axis=1).tolist(),
            action,
            options,
        )
        loss, distance = slow_quantile_loss(
            curve(rows[state], taus)[action].tolist(), taus.tolist(), targets, kappa
        )
        losses.append(loss)
        priorities.append(
            {"loss": loss, "sqrt_loss": math.sqrt(loss + 1e-10)}.get(options["priority"], distance)
        )
    return losses, priorities


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize(
    ("kappa", "priority"), [(1.0, "loss"), (0.3, "td_error"), (0.0, "sqrt_loss")]
)
def test_quantiles_learn_as_a_loop_says(
    options: dict[str, Any], kappa: float, priority: str
) -> None:
    torch.manual_seed(0)
    online, target, batch = Curves(K, 1), Curves(K, 2), batch_of(10)
    options = {**options, "priority": priority}
    got = rule(**options, kappa=kappa).loss(online, target, batch)
    frozen = online.rows()
    assert_same(got, online, lambda rows: slow(rows, frozen, online, target, batch, options, kappa))
    assert target.table.grad is None


@pytest.mark.parametrize("options", VARIANTS)
def test_each_network_is_asked_for_as_many_fractions_as_configured(
    options: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    online, target, batch = Curves(K, 1), Curves(K, 2), batch_of(400)
    rule(**options).loss(online, target, batch)
    double, shared = options["double"], options["shared_samples"]
    of_here = options["munchausen"] and options["log_policy_network"] == "target"
    assert [drawn.shape[1] for drawn in online.drawn] == [N] + [K] * double
    choose = 0 if double or shared else K
    assert [drawn.shape[1] for drawn in target.drawn] == [NEXT + choose] + [K] * of_here
    fractions = np.concatenate([drawn.ravel() for drawn in (*online.drawn, *target.drawn)])
    assert len(np.unique(fractions)) == pytest.approx(len(fractions), rel=1e-3)  # all their own
    parts = np.histogram(fractions, bins=10, range=(0, 1))[0] / len(fractions)
    np.testing.assert_allclose(parts, 0.1, atol=0.025)
    assert fractions.min() >= 0
    assert fractions.max() < 1
    assert online.with_gradients == [True] + [False] * double
    assert not any(target.with_gradients)
    seen = [asked.equal(batch.observation) for asked in online.asked]
    assert seen == [True] + [False] * double


def test_fractions_are_new_every_time_and_come_from_the_stream_of_torch() -> None:
    batch, losses = batch_of(10), []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        losses.append(rule().loss(Curves(K, 1), Curves(K, 2), batch).loss)
    assert torch.equal(losses[0], losses[2])
    assert not torch.isclose(losses[0], losses[1]).any()


def test_a_network_is_told_what_to_be() -> None:
    own = rule(cosines=32, first_cosine=0, act_samples=8)
    assert (own.outputs, own.implicit) == (1, Implicit(cosines=32, first=0, samples=8))


def test_a_value_is_the_mean_of_its_quantiles() -> None:
    torch.manual_seed(0)
    network, batch = Curves(20_000, 1), batch_of(6)
    values = rule().values(network(batch.observation))
    a, b, c = network.rows()[batch.observation[:, 0].numpy()].transpose(2, 0, 1)
    np.testing.assert_allclose(values.detach().numpy(), a + b / 2 + c / 3, atol=0.05)
