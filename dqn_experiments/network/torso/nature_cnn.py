"""The three convolutions of Mnih et al. 2015."""

import torch
from torch import Tensor, nn

from dqn_experiments.errors import ConfigError
from dqn_experiments.network.torso.pixels import as_float

SMALLEST_SCREEN = 36  # pixels; below it nothing is left after the third convolution


class NatureCNN(nn.Module):
    """32 8x8 filters stride 4, 64 4x4 stride 2, 64 3x3 stride 1, each rectified (Methods).

    Maps u8 [B, K, H, W] to f32 [B, features]; 3,136 features for 84x84 screens.
    """

    accepts = frozenset({"image"})

    def __init__(self, observation_shape: tuple[int, ...], /) -> None:
        super().__init__()
        stack, *screen = observation_shape
        if len(screen) != 2 or min(screen) < SMALLEST_SCREEN:
            allowed = f"stacked grey screens of at least {SMALLEST_SCREEN}x{SMALLEST_SCREEN} pixels"
            raise ConfigError(f"network: observations of shape {observation_shape}, not {allowed}")
        self.layers = nn.Sequential(
            nn.Conv2d(stack, 32, kernel_size=8, stride=4),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.Conv2d(64, 64, kernel_size=3, stride=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.features = self.layers(torch.zeros(1, *observation_shape)).shape[1]

    def forward(self, observation: Tensor) -> Tensor:
        """Features f32 [B, features]."""
        pixels = as_float(observation).contiguous(memory_format=torch.channels_last)
        return self.layers(pixels)
