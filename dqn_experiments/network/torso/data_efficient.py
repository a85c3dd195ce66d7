"""The two convolutions of data-efficient Rainbow (van Hasselt et al. 2019)."""

from torch import Tensor, nn

from dqn_experiments.network.torso.convolutions import (
    Filters,
    as_pixels,
    convolutions,
    num_features,
)


class DataEfficientCNN(nn.Module):
    """32 5x5 filters stride 5, 64 5x5 stride 5, each rectified.

    Maps u8 [B, K, H, W] to f32 [B, features]; 576 features for 84x84 screens. `layer_norm`
    normalises over the channels of each pixel before it is rectified.
    """

    accepts = frozenset({"image"})

    def __init__(self, observation_shape: tuple[int, ...], /, *, layer_norm: bool = False) -> None:
        super().__init__()
        filters = [Filters(32, 5, 5), Filters(64, 5, 5)]
        self.layers = convolutions(observation_shape, filters, "valid", layer_norm)
        self.features = num_features(self.layers, observation_shape)

    def forward(self, observation: Tensor) -> Tensor:
        """Features f32 [B, features]."""
        return self.layers(as_pixels(observation))
