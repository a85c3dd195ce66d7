"""The first step of every network."""

import torch
from torch import Tensor


def as_float(observation: Tensor) -> Tensor:
    """Bytes become numbers in [0, 1]; anything else passes as float32."""
    values = observation.to(torch.float32)
    return values / 255 if observation.dtype == torch.uint8 else values
