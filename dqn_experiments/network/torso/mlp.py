"""Observations without a screen."""

from itertools import pairwise
from math import prod

from torch import Tensor, nn

from dqn_experiments.config.constraints import Count
from dqn_experiments.network.torso.pixels import as_float


class MLP(nn.Module):
    """Flattens observations of any shape [B, ...]; rectified layers of the widths in `hidden`.

    Without any the features f32 [B, features] are the observation itself.
    """

    accepts = frozenset({"vector", "image"})

    def __init__(self, observation_shape: tuple[int, ...], /, *, hidden: list[Count]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([prod(observation_shape), *hidden]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.features = hidden[-1] if hidden else prod(observation_shape)

    def forward(self, observation: Tensor) -> Tensor:
        """Features f32 [B, features]."""
        return self.layers(as_float(observation).flatten(1))
