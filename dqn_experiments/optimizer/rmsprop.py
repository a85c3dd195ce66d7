"""The centred RMSProp of Mnih et al. 2015 (after Graves 2013, equations 38 to 40)."""

from collections.abc import Callable, Iterable
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn import Parameter

from dqn_experiments.config.constraints import Decay, Positive
from dqn_experiments.optimizer.shared import OptimizerOptions, Prepared


class RMSprop(Prepared, torch.optim.Optimizer):
    """Gradients divided by a running estimate of their standard deviation.

        m <- rho m + (1 - rho) g
        v <- rho v + (1 - rho) g^2
        w <- w - lr g / sqrt(v - m^2 + eps)

    torch.optim.RMSprop(centered=True) adds eps outside the root instead, which at the paper's
    values is another optimizer: there a small gradient is divided by about 0.01, here by 0.1.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        /,
        *,
        decay: Decay,
        eps: Positive,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(params, {"lr": options["lr"], "decay": decay, "eps": eps})
        self._share(options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Apply one update from the gradients in `.grad`."""
        self._clip()
        for group in self.param_groups:
            weights: list[Tensor] = [
                weight for weight in group["params"] if weight.grad is not None
            ]
            if weights:
                self._update(weights, **{key: group[key] for key in ("lr", "decay", "eps")})

    def _update(self, weights: list[Tensor], lr: float | Tensor, decay: float, eps: float) -> None:
        gradients: list[Any] = [weight.grad for weight in weights]
        states = [self._state(weight) for weight in weights]
        mean = [state["gradient_mean"] for state in states]
        square = [state["square_mean"] for state in states]
        torch._foreach_lerp_(mean, gradients, 1 - decay)
        torch._foreach_mul_(square, decay)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - decay)
        variance = torch._foreach_addcmul(square, mean, mean, value=-1)
        torch._foreach_clamp_min_(variance, 0.0)  # rounding can leave it a hair below zero
        torch._foreach_add_(variance, eps)
        torch._foreach_sqrt_(variance)
        if isinstance(lr, Tensor):
            torch._foreach_mul_(gradients, lr)
            torch._foreach_addcdiv_(weights, gradients, variance, value=-1.0)
        else:
            torch._foreach_addcdiv_(weights, gradients, variance, value=-lr)

    def _state(self, weight: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            state["gradient_mean"] = torch.zeros_like(weight)
            state["square_mean"] = torch.zeros_like(weight)
        return state
