"""How the weights of a new network are drawn."""

from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from dqn_experiments.network.noisy import NoisyLinear

Init = Literal["torch", "xavier_uniform", "variance_scaling"]

POWER_ITERATIONS = 15
"""With which torch's spectral norm begins."""


@torch.no_grad()
def redraw(network: nn.Module, init: Init) -> None:
    """Draw anew the weights of all convolutions and linear layers, but for noisy ones.

    `torch` leaves them: U(+-1/sqrt(fan_in)) for weights and biases, as DQN Zoo's. The others are
    Flax's of those names, with biases of 0: `xavier_uniform` is U(+-sqrt(6 / (fan_in + fan_out))),
    `variance_scaling` is U(+-sqrt(3 scale / fan_in)), where scale is 1/sqrt(3), Dopamine's.
    """
    if init == "torch":
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not isinstance(module, NoisyLinear):
            if module.bias is not None:
                _learned(module, "bias").zero_()
            weight = _learned(module, "weight")
            if init == "xavier_uniform":
                nn.init.xavier_uniform_(weight)
            else:
                bound = sqrt(sqrt(3) / weight[0].numel())
                weight.uniform_(-bound, bound)
    settle(network)


def _learned(module: nn.Module, name: str) -> Tensor:
    """What a weight or a bias is made of: before its spectral norm is taken out, say."""
    if is_parametrized(module, name):
        return getattr(module.parametrizations, name).original
    return getattr(module, name)


def settle(network: nn.Module) -> None:
    """Let what is kept beside weights follow them, once these have jumped.

    A spectral norm's singular vectors are: in training mode each use of the weight is one power
    iteration. To divide by a norm that other weights had would blow the new ones up.
    """
    for module in network.modules():
        for name in getattr(module, "parametrizations", ()):
            for _ in range(POWER_ITERATIONS):
                getattr(module, name)
