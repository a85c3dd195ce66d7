"""The paper's RMSProp against its equations, number by number."""

import math
from typing import Any

import torch
from torch.nn import Parameter

from dqn_experiments.optimizer.rmsprop import RMSprop

SHARED: dict[str, Any] = {"lr_factor": lambda step: 1.0, "max_grad_norm": None}


def test_follows_the_equations() -> None:
    lr, decay, eps = 2.5e-4, 0.95, 0.01
    torch.manual_seed(0)
    weights = [Parameter(torch.randn(3, 2)), Parameter(torch.randn(5))]
    optimizer = RMSprop(weights, lr=lr, decay=decay, eps=eps, **SHARED)
    slow = [weight.detach().flatten().tolist() for weight in weights]
    mean = [[0.0] * len(values) for values in slow]
    square = [[0.0] * len(values) for values in slow]
    for step in range(50):
        for which, weight in enumerate(weights):
            weight.grad = torch.randn_like(weight) * 10.0 ** (step % 5 - 3)
            for i, gradient in enumerate(weight.grad.flatten().tolist()):
                mean[which][i] = decay * mean[which][i] + (1 - decay) * gradient
                square[which][i] = decay * square[which][i] + (1 - decay) * gradient**2
                variance = square[which][i] - mean[which][i] ** 2
                slow[which][i] -= lr * gradient / math.sqrt(variance + eps)
        optimizer.step()
        for weight, values in zip(weights, slow, strict=True):
            expected = torch.tensor(values).reshape(weight.shape)
            torch.testing.assert_close(weight.detach(), expected, atol=1e-5, rtol=1e-5)


def test_is_not_torchs() -> None:
    ours, torchs = (Parameter(torch.zeros(1)) for _ in range(2))
    for weight, optimizer in (
        (ours, RMSprop([ours], lr=1.0, decay=0.95, eps=0.01, **SHARED)),
        (torchs, torch.optim.RMSprop([torchs], lr=1.0, alpha=0.95, eps=0.01, centered=True)),
    ):
        weight.grad = torch.full_like(weight, 1e-3)
        optimizer.step()
    assert abs(float(ours.detach())) < abs(float(torchs.detach())) / 5


def test_a_constant_gradient_leaves_no_negative_variance() -> None:
    weight = Parameter(torch.zeros(1000))
    optimizer = RMSprop([weight], lr=1e-3, decay=0.95, eps=1e-12, **SHARED)
    for _ in range(2000):
        weight.grad = torch.full_like(weight, 0.1)
        optimizer.step()
    assert torch.isfinite(weight).all()
