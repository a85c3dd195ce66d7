"""The three convolutions of Mnih et al. 2015."""

from torch import Tensor, nn

from dqn_experiments.network.torso.convolutions import (
    Filters,
    Padding,
    as_pixels,
    convolutions,
    num_features,
)


class NatureCNN(nn.Module):
    """32 8x8 filters stride 4, 64 4x4 stride 2, 64 3x3 stride 1, each rectified (Methods).

    Maps u8 [B, K, H, W] to f32 [B, features]; 3,136 features for 84x84 screens, 7,744 with `same`
    padding. `layer_norm` normalises over the channels of each pixel before it is rectified.
    """

    accepts = frozenset({"image"})

    def __init__(
        self,
        observation_shape: tuple[int, ...],
        /,
        *,
        padding: Padding = "valid",
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        filters = [Filters(32, 8, 4), Filters(64, 4, 2), Filters(64, 3, 1)]
        self.layers = convolutions(observation_shape, filters, padding, layer_norm)
        self.features = num_features(self.layers, observation_shape)

    def forward(self, observation: Tensor) -> Tensor:
        """Features f32 [B, features]."""
        return self.layers(as_pixels(observation))
