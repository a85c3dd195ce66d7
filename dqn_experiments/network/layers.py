"""Layers that heads and torsos share."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

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
