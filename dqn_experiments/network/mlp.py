"""A multilayer perceptron, for observations without a screen."""

from itertools import pairwise
from math import prod
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from dqn_experiments.constraints import Count
from dqn_experiments.network.pixels import as_float


class MLP(nn.Module):
    """Rectified layers of the widths in `hidden`, then one output per action.

    Flattens observations of any shape [B, ...] and maps them to f32 [B, num_actions].
    """

    accepts = frozenset({"vector", "image"})

    def __init__(
        self,
        observation_shape: tuple[int, ...],
        num_actions: int,
        /,
        *,
        hidden: Annotated[list[Count], Field(min_length=1)],
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise([prod(observation_shape), *hidden]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden[-1], num_actions))

    def forward(self, observation: Tensor) -> Tensor:
        """Action values f32 [B, num_actions]."""
        return self.layers(as_float(observation))
