"""Layers that heads and torsos share."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

Linear = Callable[[int, int], nn.Module]
"""Numbers of inputs and outputs to a layer f32 [B, inputs] -> f32 [B, outputs]."""
Stream = Callable[[Sequence[int]], nn.Sequential]
"""Widths to the layers between them, of which the last one is not rectified."""


def rectified(
    widths: Sequence[int], linear: Linear = nn.Linear, layer_norm: bool = False
) -> list[nn.Module]:
    """A layer from each width to the next, rectified, and before that normalised if so wanted."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        norm = [nn.LayerNorm(outputs)] if layer_norm else []
        layers += [linear(inputs, outputs), *norm, nn.ReLU()]
    return layers


def stream(
    widths: Sequence[int], linear: Linear = nn.Linear, layer_norm: bool = False
) -> nn.Sequential:
    """A `Stream`."""
    *hidden, outputs = widths
    return nn.Sequential(*rectified(hidden, linear, layer_norm), linear(hidden[-1], outputs))


class SharedByActions(nn.Module):
    """Parametrizes f32 [num_actions * outputs] by [outputs], which every action has."""

    def __init__(self, num_actions: int) -> None:
        super().__init__()
        self._num_actions = num_actions

    def forward(self, shared: Tensor) -> Tensor:
        """What all actions together have."""
        return shared.repeat(self._num_actions)

    def right_inverse(self, bias: Tensor) -> Tensor:
        """What the first action has."""
        return bias[: len(bias) // self._num_actions].clone()


def share_bias(layer: nn.Module, num_actions: int) -> None:
    """Let the actions that a last layer answers for share one bias (van Hasselt et al. 2016)."""
    for name in ("bias", "bias_sigma"):  # of a noisy layer
        if hasattr(layer, name):
            register_parametrization(layer, name, SharedByActions(num_actions))


def scaled_gradient(features: Tensor, share: float) -> Tensor:
    """The same numbers, of whose gradient only a share is passed on."""
    if share != 1 and features.requires_grad:
        features.register_hook(lambda gradient: share * gradient)
    return features
