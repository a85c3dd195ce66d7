"""The residual network of IMPALA (Espeholt et al. 2018, figure 3, right)."""

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as spectrally_normalised

from dqn_experiments.config.constraints import Count
from dqn_experiments.network.torso.convolutions import (
    as_pixels,
    channels_last,
    check_screen,
    num_features,
    rectifier,
)
from dqn_experiments.network.torso.pooling import MaxPoolTo

FILTERS = 16, 32, 32


class Residual(nn.Module):
    """f32 [B, C, H, W] plus what two 3x3 convolutions, each of rectified channels, make of it."""

    def __init__(self, channels: int, spectral_norm: bool, layer_norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += rectifier(channels, layer_norm)
            convolution = nn.Conv2d(channels, channels, 3, padding=1)
            layers.append(spectrally_normalised(convolution) if spectral_norm else convolution)
        self.layers = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> Tensor:
        """f32 [B, C, H, W]."""
        return pixels + self.layers(pixels)


class Impala(nn.Module):
    """Three blocks of 3x3 convolution, 3x3 max pooling stride 2 and two residual units; rectified.

    Maps u8 [B, K, H, W] to f32 [B, features]; 3,872 features for 84x84 screens. Beyond the
    Rainbow (Clark et al. 2025) has width 2, a max pool of 6 and spectral norms.

    Args:
        observation_shape: (K, H, W).
        width: what the 16, 32 and 32 filters of the blocks are multiplied by.
        max_pool: a side of what each channel is pooled to at the end; None: nothing is.
        spectral_norm: weights of the convolutions in residual units are divided by their largest
            singular value, which one power iteration follows at each use in training mode.
        layer_norm: normalise over the channels of each pixel wherever they are rectified.
    """

    accepts = frozenset({"image"})

    def __init__(
        self,
        observation_shape: tuple[int, ...],
        /,
        *,
        width: Count = 1,
        max_pool: Count | None = None,
        spectral_norm: bool = False,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        inputs, *_ = check_screen(observation_shape, 1)
        blocks = []
        for outputs in (width * number for number in FILTERS):
            units = (Residual(outputs, spectral_norm, layer_norm) for _ in range(2))
            pool = nn.MaxPool2d(3, stride=2, padding=1)
            blocks.append(nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), pool, *units))
            inputs = outputs
        pooled = [MaxPoolTo(max_pool)] if max_pool else []
        layers = *blocks, *rectifier(inputs, layer_norm), *pooled, nn.Flatten()
        self.layers = channels_last(nn.Sequential(*layers))
        self.features = num_features(self.layers, observation_shape)

    def forward(self, observation: Tensor) -> Tensor:
        """Features f32 [B, features]."""
        return self.layers(as_pixels(observation))
