"""Pooling to a given number of pixels."""

import torch
from torch import Tensor, nn


class MaxPoolTo(nn.AdaptiveMaxPool2d):
    """Maxima of `side` x `side` windows of each channel, f32 [B, C, H, W] to [B, C, side, side].

    On a GPU torch's own has no gradient that is the same every time. Where that is asked for, the
    windows are looked at one by one, which takes longer.
    """

    def __init__(self, side: int) -> None:
        super().__init__(side)
        self._side = side

    def forward(self, pixels: Tensor) -> Tensor:
        """f32 [B, C, side, side]."""
        if pixels.is_cuda and torch.are_deterministic_algorithms_enabled():
            return self.window_by_window(pixels)
        return super().forward(pixels)

    def window_by_window(self, pixels: Tensor) -> Tensor:
        """The same maxima, each by a reduction of its own, whose gradient is always the same."""
        rows, columns = (self._windows(size) for size in pixels.shape[2:])
        maxima = [
            pixels[:, :, row, column].flatten(2).max(dim=2).values
            for row in rows
            for column in columns
        ]
        return torch.stack(maxima, dim=2).unflatten(2, (self._side, self._side))

    def _windows(self, size: int) -> list[slice]:
        """They overlap where `size` is no multiple of their number."""
        side = self._side
        return [slice(i * size // side, -(-(i + 1) * size // side)) for i in range(side)]
