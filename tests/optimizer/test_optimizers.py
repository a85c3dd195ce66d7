"""Every optimizer against the equations of its paper in plain numbers, and the keys they share."""

from collections.abc import Callable, Generator
from math import sqrt
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from dqn_experiments.config.components import build_optimizer
from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import options

LR, B1, B2, EPS, DECAY = 0.01, 0.8, 0.95, 1e-3, 0.3
KEYS = f"optimizer.lr={LR}", f"optimizer.betas=[{B1},{B2}]", f"optimizer.eps={EPS}"
DECAYING = (*KEYS, f"optimizer.weight_decay={DECAY}")
STEPS = 40
Twin = Generator[float, float, None]
"""One weight: gradients in, what it becomes out."""


def built(weights: list[Parameter], *overrides: str) -> Any:
    return build_optimizer(composed(*overrides), weights)


def adam(w: float, decay: float, lr: Callable[[int], float]) -> Twin:
    """Kingma & Ba 2015, Algorithm 1, with decay added to the gradient."""
    m = v = 0.0
    for t in range(1, STEPS + 1):
        g = (yield w) + decay * w
        m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
        w -= lr(t) * (m / (1 - B1**t)) / (sqrt(v / (1 - B2**t)) + EPS)
    yield w


def adamw(w: float, decay: float, lr: Callable[[int], float]) -> Twin:
    """Loshchilov & Hutter 2019, Algorithm 2, with the decay that torch multiplies by lr."""
    m = v = 0.0
    for t in range(1, STEPS + 1):
        g = yield w
        m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
        step = (m / (1 - B1**t)) / (sqrt(v / (1 - B2**t)) + EPS)
        w -= lr(t) * (step + decay * w)
    yield w


def radam(w: float, decay: float, lr: Callable[[int], float]) -> Twin:
    """Liu et al. 2020, Algorithm 2, with torch's bound of 5 for the paper's 4, and its eps."""
    m = v = 0.0
    longest = 2 / (1 - B2) - 1
    for t in range(1, STEPS + 1):
        g = (yield w) + decay * w
        m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
        length = longest - 2 * t * B2**t / (1 - B2**t)
        step = m / (1 - B1**t)
        if length > 5:
            above = (length - 4) * (length - 2) * longest
            below = (longest - 4) * (longest - 2) * length
            step *= sqrt(above / below) * sqrt(1 - B2**t) / (sqrt(v) + EPS)
        w -= lr(t) * step
    yield w


def radam_decoupled(w: float, decay: float, lr: Callable[[int], float]) -> Twin:
    """The same on a weight that shrinks first."""
    plain = radam(w, 0.0, lr)
    before, shrunk = next(plain), w
    for t in range(1, STEPS + 1):
        after = plain.send((yield shrunk))
        shrunk = shrunk * (1 - lr(t) * decay) + after - before
        before = after
    yield shrunk


SLOW: dict[str, tuple[Any, float]] = {  # and the decay of weights of one dimension
    "adam": (adam, DECAY),
    "adamw": (adamw, DECAY),
    "adamw optimizer.decay_bias=false": (adamw, 0.0),
    "radam": (radam, DECAY),
    "radam optimizer.decoupled_weight_decay=true": (radam_decoupled, DECAY),
}


@pytest.mark.parametrize("schedule", ["constant", "linear"])
@pytest.mark.parametrize("chosen", SLOW)
def test_follows_the_equations(chosen: str, schedule: str) -> None:
    slow, decay_of_biases = SLOW[chosen]
    draw = torch.Generator().manual_seed(0)
    shapes = (3, 2), (5,)
    weights = [Parameter(torch.randn(*shape, generator=draw).double()) for shape in shapes]
    annealed = f"optimizer/lr_factor={schedule}", "total_steps=100", "learning_starts=50"
    optimizer = built(
        weights, f"optimizer={chosen.split()[0]}", *chosen.split()[1:], *DECAYING, *annealed
    )

    def lr(t: int) -> float:
        return LR * (1 - 2 * t / 100 if schedule == "linear" else 1)

    twins = [
        [slow(w, DECAY if len(weight.shape) > 1 else decay_of_biases, lr) for w in flat(weight)]
        for weight in weights
    ]
    assert [[next(twin) for twin in each] for each in twins] == [flat(w) for w in weights]
    for t in range(1, STEPS + 1):
        for weight in weights:
            weight.grad = torch.randn(*weight.shape, generator=draw).double() * 10.0 ** (t % 5 - 3)
        optimizer.prepare(2 * t)
        optimizer.step()
        for weight, each in zip(weights, twins, strict=True):
            expected = [twin.send(g) for twin, g in zip(each, flat(weight.grad), strict=True)]
            assert flat(weight) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def flat(values: Any) -> list[float]:
    return list(values.detach().flatten().tolist())


@pytest.mark.parametrize("chosen", options("optimizer"))
def test_the_gradient_of_all_weights_together_is_clipped(chosen: str) -> None:
    weights = [Parameter(torch.zeros(2, 2)), Parameter(torch.zeros(3)), Parameter(torch.zeros(1))]
    optimizer = built(weights, f"optimizer={chosen}", "optimizer.max_grad_norm=10")
    for scale, kept in ((0.1, 1.0), (4.0, 10 / (4 * 5))):
        given = [torch.tensor([[1.0, -2], [2, 0]]) * scale, torch.tensor([4.0, 0, 0]) * scale]
        for weight, gradient in zip(weights, given, strict=False):  # their norm: 5 * scale
            weight.grad = gradient.clone()
        optimizer.step()
        for weight, gradient in zip(weights, given, strict=False):
            torch.testing.assert_close(weight.grad, gradient * kept, rtol=1e-6, atol=0)
    assert weights[2].grad is None


@pytest.mark.parametrize("chosen", options("optimizer"))
def test_nothing_is_clipped_and_no_rate_moves_unless_asked(chosen: str) -> None:
    weight = Parameter(torch.zeros(2))
    config = composed(f"optimizer={chosen}")
    optimizer: Any = build_optimizer(config, [weight])
    weight.grad = torch.tensor([1e9, -3.0])
    for step in (0, 1_000_000, 10**9):
        optimizer.prepare(step)
        optimizer.step()
        assert {group["lr"] for group in optimizer.param_groups} == {config.optimizer.lr}
    assert weight.grad.tolist() == [1e9, -3.0]


def test_the_rates_of_both_groups_move() -> None:
    weights = [Parameter(torch.ones(2, 2)), Parameter(torch.ones(2))]
    annealed = "optimizer.decay_bias=false", "optimizer/lr_factor=exponential"
    optimizer = built(weights, "optimizer=adamw", *annealed, "total_steps=1_000_000")
    optimizer.prepare(500_000)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-5, 1e-5])
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
