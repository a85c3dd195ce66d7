"""Random shifts (Kostrikov et al. 2021) and intensities (Schwarzer et al. 2021) of screens."""

import torch
from torch import Tensor

from dqn_experiments.config.constraints import NonNegative, OptionalCount


class RandomShift:
    """Each sample is padded by `pad` pixels that repeat its border, and cropped at random.

    So it is moved by up to `pad` pixels along both axes, all K frames of it alike. With an
    `intensity` it is multiplied afterwards by

        1 + intensity * clip(z, -2, 2),  z ~ N(0, 1),

    as numbers in [0, 1]; so bytes, which a shift leaves bytes, become f32 that may exceed 1.
    """

    accepts = frozenset({"image"})

    def __init__(self, *, pad: OptionalCount, intensity: NonNegative) -> None:
        self._pad, self._intensity = pad, intensity

    def __call__(self, observation: Tensor) -> Tensor:
        """Observations u8 or f32 [B, K, H, W] to others of that shape."""
        shifted = self._shifted(observation) if self._pad else observation
        return self._dimmed(shifted) if self._intensity else shifted

    def _shifted(self, observation: Tensor) -> Tensor:
        size, _, height, width = observation.shape
        device = observation.device
        shift = torch.randint(-self._pad, self._pad + 1, (2, size, 1), device=device)
        row = (torch.arange(height, device=device) + shift[0]).clamp(0, height - 1)  # [B, H]
        column = (torch.arange(width, device=device) + shift[1]).clamp(0, width - 1)  # [B, W]
        pixel = (row[:, :, None] * width + column[:, None, :]).flatten(1)
        screens = observation.flatten(2)
        return screens.gather(2, pixel[:, None].expand_as(screens)).view_as(observation)

    def _dimmed(self, observation: Tensor) -> Tensor:
        values = observation.to(torch.float32)
        if observation.dtype == torch.uint8:
            values = values / 255
        z = torch.randn(len(values), 1, 1, 1, device=values.device).clamp(-2, 2)
        return values * (1 + self._intensity * z)
