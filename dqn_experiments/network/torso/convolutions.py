"""Rectified convolutions, one after the other."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dqn_experiments.errors import ConfigError
from dqn_experiments.network.torso.pixels import as_float

Padding = Literal["valid", "same"]


class Filters(NamedTuple):
    """The filters of a convolution."""

    number: int
    size: int
    """Pixels, of a square."""
    stride: int


class ChannelNorm(nn.LayerNorm):
    """Normalises f32 [B, C, H, W] over the channels of each pixel, as Flax's LayerNorm does."""

    def forward(self, pixels: Tensor) -> Tensor:
        """f32 [B, C, H, W]."""
        return super().forward(pixels.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convolutions(
    observation_shape: tuple[int, ...], filters: list[Filters], padding: Padding, layer_norm: bool
) -> nn.Sequential:
    """f32 [B, K, H, W] to f32 [B, features].

    `same` is TensorFlow's and Flax's padding with zeros: ceil(pixels / stride) come out, and where
    the padding is odd the bottom and the right have one more.

    Raises:
        ConfigError: unless the observations are screens that leave something after every layer.
    """
    channels, height, width = check_screen(
        observation_shape, smallest(filters) if padding == "valid" else 1
    )
    layers: list[nn.Module] = []
    for number, size, stride in filters:
        both = (0, 0)
        if padding == "same":
            total = _zeros(height, size, stride), _zeros(width, size, stride)
            both = total[0] // 2, total[1] // 2  # a convolution's own zeros take less time
            odd = (0, total[1] % 2, 0, total[0] % 2)
            layers.append(nn.ZeroPad2d(odd) if any(odd) else nn.Identity())
            height, width = -(-height // stride), -(-width // stride)
        convolution = nn.Conv2d(channels, number, size, stride, both)
        layers += [convolution, *rectifier(number, layer_norm)]
        channels = number
    return channels_last(nn.Sequential(*layers, nn.Flatten()))


def rectifier(channels: int, layer_norm: bool) -> list[nn.Module]:
    """What follows f32 [B, channels, H, W], normalised before it is rectified if so wanted."""
    return [ChannelNorm(channels), nn.ReLU()] if layer_norm else [nn.ReLU()]


def smallest(filters: list[Filters]) -> int:
    """A side of the smallest screen of which anything is left, without padding."""
    pixels = 1
    for _, size, stride in reversed(filters):
        pixels = (pixels - 1) * stride + size
    return pixels


def check_screen(observation_shape: tuple[int, ...], smallest: int) -> tuple[int, int, int]:
    """The shape (K, H, W) of stacked screens; raises ConfigError if it is of anything else."""
    stack, *screen = observation_shape
    if len(screen) != 2 or min(screen) < smallest:
        allowed = f"stacked grey screens of at least {smallest}x{smallest} pixels"
        raise ConfigError(f"network: observations of shape {observation_shape}, not {allowed}")
    return stack, screen[0], screen[1]


def channels_last(layers: nn.Sequential) -> nn.Sequential:
    """The same layers with weights in the layout that is fastest on a CPU."""
    layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return layers


def as_pixels(observation: Tensor) -> Tensor:
    """u8 [B, K, H, W] as f32 in that layout."""
    return as_float(observation).contiguous(memory_format=torch.channels_last)


def num_features(layers: nn.Sequential, observation_shape: tuple[int, ...]) -> int:
    """How many come out."""
    with torch.no_grad():
        return layers(torch.zeros(1, *observation_shape)).shape[1]


def _zeros(pixels: int, size: int, stride: int) -> int:
    """Before and after a row of pixels, for windows no smaller than their stride."""
    return (-(-pixels // stride) - 1) * stride + size - pixels
