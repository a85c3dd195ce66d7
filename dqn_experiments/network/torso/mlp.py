"""Observations without a screen."""

from math import prod

from torch import Tensor, nn

from dqn_experiments.config.constraints import Count
from dqn_experiments.network.layers import rectified
from dqn_experiments.network.torso.pixels import as_float


class MLP(nn.Module):
    """Flattens observations of any shape [B, ...]; rectified layers of the widths in `hidden`.

    Without any the features f32 [B, features] are the observation itself. `layer_norm` normalises
    over the units of each layer before they are rectified.
    """

    accepts = frozenset({"vector", "image"})

    def __init__(
        self,
        observation_shape: tuple[int, ...],
        /,
        *,
        hidden: list[Count],
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        widths = [prod(observation_shape), *hidden]
        self.layers = nn.Sequential(*rectified(widths, layer_norm=layer_norm))
        self.features = widths[-1]

    def forward(self, observation: Tensor) -> Tensor:
        """Features f32 [B, features]."""
        return self.layers(as_float(observation).flatten(1))
