"""Learning rules against another library's (see rlax_golden.py)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqn_experiments.agent.c51 import C51
from dqn_experiments.agent.dqn import DQN
from dqn_experiments.agent.qr_dqn import QRDQN
from dqn_experiments.agent.quantile import quantile_huber_loss
from dqn_experiments.experience.batch import Batch
from tests.agent.tables import PLAIN, SHARED

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("rlax_golden.json").read_text())
GIVEN = {name: torch.from_numpy(np.array(each)) for name, each in GOLDEN["inputs"].items()}
HERE, NEXT = 0, 1


class Given(nn.Module):
    """Answers what is given, here and at the next state."""

    def __init__(self, *answers: Tensor) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, observation: Tensor) -> Tensor:
        return self.answers[int(observation[0, 0])]


def rule(name: str, double: bool) -> Any:
    if name == "dqn":
        return DQN(**{**PLAIN, "double": double}, loss="huber")
    if name == "c51":
        bounds = {"atoms": 7, "v_min": -2.0, "v_max": 4.0}
        return C51(**{**SHARED, **bounds, "double": double, "priority": "loss"})
    kappa = float(name[-1])
    return QRDQN(**{**PLAIN, "double": double}, quantiles=7, kappa=kappa, priority="loss")


@pytest.mark.parametrize("double", [False, True], ids=["", "double"])
@pytest.mark.parametrize("name", ["dqn", "c51", "qr_dqn, kappa 1", "qr_dqn, kappa 0"])
def test_losses_and_gradients_are_those_of_rlax(name: str, double: bool) -> None:
    expected = GOLDEN["made"][f"{name}, double" if double else name]
    outputs = [GIVEN[each] for each in ("online", "online_next", "target_next")]
    if name == "dqn":
        outputs = [each[:, :, :1] for each in outputs]
    online, online_next, target_next = outputs
    online = online.clone().requires_grad_()
    size = len(online)
    batch = Batch(
        observation=torch.full((size, 1), HERE),
        action=GIVEN["action"],
        reward=GIVEN["reward"],
        discount=GIVEN["discount"],
        next_observation=torch.full((size, 1), NEXT),
        weight=torch.ones(size),
        index=torch.arange(size),
    )
    networks = Given(online, online_next), Given(torch.empty(0), target_next)
    loss = rule(name, double).loss(*networks, batch).loss
    loss.sum().backward()
    assert online.grad is not None
    gradient = np.array(expected["gradient"])[:, :, : online.shape[2]]
    np.testing.assert_allclose(loss.detach(), expected["loss"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(online.grad, gradient, rtol=1e-9, atol=1e-12)


def test_so_is_quantile_regression_at_any_fractions() -> None:
    predicted, target = (GIVEN[name][:, 0] for name in ("online", "target_next"))
    loss = quantile_huber_loss(predicted, GIVEN["tau"], target, 1.0, "loss").loss
    expected = GOLDEN["made"]["quantile regression"]["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-9, atol=1e-12)
