"""Networks that are tables of numbers, and what a target is, one number at a time."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqn_experiments.experience.batch import Batch, PerSample

STATES, ACTIONS = 5, 3
Floats = Sequence[float]
Array = NDArray[np.float64]

SHARED: dict[str, Any] = {
    "discount": 0.99,
    "target_update_every": 100,
    "random_target": False,
    "double": False,
}
PLAIN: dict[str, Any] = {
    **SHARED,
    "munchausen": False,
    "munchausen_alpha": 0.9,
    "entropy_temperature": 0.4,
    "log_policy_floor": -1.0,
    "log_policy_network": "target",
}


class Table(nn.Module):
    """A row f64 [A, outputs] for each state; remembers what it was asked."""

    def __init__(self, outputs: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        shape = STATES, ACTIONS, outputs
        self.table = nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))
        self.asked: list[Tensor] = []
        self.with_gradients: list[bool] = []

    def forward(self, observation: Tensor) -> Tensor:
        self.asked.append(observation)
        self.with_gradients.append(torch.is_grad_enabled())
        return self.table[observation[:, 0].long()]

    def rows(self) -> Array:
        return self.table.detach().numpy().copy()


class Curves(Table):
    """Of each action a quantile function a + b tau + c tau^2; remembers every tau."""

    def __init__(self, samples: int, seed: int) -> None:
        super().__init__(3, seed)
        self.samples = samples
        self.drawn: list[Array] = []

    def forward(self, observation: Tensor, tau: Tensor | None = None) -> Tensor:
        if tau is None:
            tau = torch.rand(len(observation), self.samples)
        assert tau.dtype == torch.float32
        self.drawn.append(tau.double().numpy())
        powers = torch.stack([tau.double() ** power for power in range(3)], dim=2)
        return torch.einsum("bap,bnp->ban", super().forward(observation), powers)


def curve(row: Array, taus: Array) -> Array:
    """What `Curves` answers for a row [A, 3]: [A, N]."""
    return np.array([[a + b * tau + c * tau * tau for tau in taus] for a, b, c in row])


def batch_of(size: int, seed: int = 0) -> Batch:
    """Transitions between random states in f64, some of them to the end."""
    generator = torch.Generator().manual_seed(seed)

    def states() -> Tensor:
        return torch.randint(STATES, (size, 1), dtype=torch.uint8, generator=generator)

    ends = torch.rand(size, generator=generator) < 0.3
    return Batch(
        observation=states(),
        action=torch.randint(ACTIONS, (size,), generator=generator),
        reward=torch.randn(size, generator=generator, dtype=torch.float64) * 2,
        discount=torch.where(ends, 0.0, 0.97).double(),
        next_observation=states(),
        weight=torch.ones(size),
        index=torch.arange(size),
    )


def best(values: Floats) -> int:
    return max(range(len(values)), key=lambda action: values[action])


def policy(values: Floats, temperature: float) -> list[float]:
    weights = [math.exp(value / temperature) for value in values]
    return [weight / sum(weights) for weight in weights]


def slow_targets(
    reward: float,
    discount: float,
    following: Array,
    choosing: Floats,
    here: Floats,
    action: int,
    options: dict[str, Any],
) -> list[float]:
    """Targets [n] from the target network's numbers [A, n] at the next state.

    `choosing` are the values there that choose, or make the policy; `here` those of the state.
    """
    if not options["munchausen"]:
        return [reward + discount * number for number in following[best(choosing)]]
    temperature = options["entropy_temperature"]
    log_policy = temperature * math.log(policy(here, temperature)[action])
    reward += options["munchausen_alpha"] * min(0.0, max(options["log_policy_floor"], log_policy))
    probability = policy(choosing, temperature)
    targets = []
    for n in range(following.shape[1]):
        soft = 0.0
        for other, row in enumerate(following):
            entropy = temperature * math.log(probability[other])
            soft += probability[other] * (row[n] - entropy)
        targets.append(reward + discount * soft)
    return targets


def slow_quantile_loss(
    predicted: Floats, taus: Floats, targets: Floats, kappa: float
) -> tuple[float, float]:
    """The loss, and the sum of |TD error| over what is predicted, of one sample."""
    loss = distance = 0.0
    for tau, theta in zip(taus, predicted, strict=True):
        for target in targets:
            error = target - theta
            if abs(error) <= kappa:
                huber = 0.5 * error**2 / kappa if kappa else 0.0
            else:
                huber = abs(error) - 0.5 * kappa
            loss += abs(tau - (1 if error < 0 else 0)) * huber / len(targets)
            distance += abs(error) / len(targets)
    return loss, distance


def assert_same(
    got: PerSample, online: Table, slow: Callable[[Array], tuple[Floats, Floats]]
) -> None:
    """Hold a rule's losses, priorities and gradients against a function of the table.

    The gradients are that function's finite differences.
    """
    rows = online.rows()
    losses, priorities = slow(rows)
    np.testing.assert_allclose(got.loss.detach().numpy(), losses, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(got.priority.numpy(), priorities, rtol=1e-6, atol=1e-9)
    assert not got.priority.requires_grad
    weights = np.linspace(0.5, 2.0, len(losses))  # so that no two samples could be mixed up
    online.zero_grad()
    (got.loss * torch.from_numpy(weights)).sum().backward()
    assert online.table.grad is not None
    gradient = np.zeros_like(rows)
    for place in np.ndindex(*rows.shape):
        moved = []
        for step in (1e-6, -1e-6):
            changed = rows.copy()
            changed[place] += step
            moved.append(float(np.dot(weights, slow(changed)[0])))
        gradient[place] = (moved[0] - moved[1]) / 2e-6
    np.testing.assert_allclose(online.table.grad.numpy(), gradient, rtol=1e-6, atol=1e-6)
