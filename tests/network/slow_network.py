"""Layers written from their papers' equations, one sample and one number after another, in f64."""

from math import cos, pi

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float64]


def parameters(module: nn.Module) -> dict[str, Array]:
    return {name: value.detach().double().numpy() for name, value in module.state_dict().items()}


def linear(x: Array, w: Array, b: Array) -> Array:
    return np.array([sum(w[j, i] * x[i] for i in range(len(x))) + b[j] for j in range(len(b))])


def rectified(x: Array) -> Array:
    return np.where(x > 0, x, 0)


def convolution(
    x: Array, w: Array, b: Array, stride: int, vertical: tuple[int, int], across: tuple[int, int]
) -> Array:
    """Of [C, H, W], with zeros before and after, by looking at one window after another."""
    x = np.pad(x, ((0, 0), vertical, across))
    size = w.shape[2]
    rows = range(0, x.shape[1] - size + 1, stride)
    columns = range(0, x.shape[2] - size + 1, stride)
    return np.array(
        [
            [
                [(x[:, r : r + size, c : c + size] * w[k]).sum() + b[k] for c in columns]
                for r in rows
            ]
            for k in range(len(w))
        ]
    )


def pooled(x: Array) -> Array:
    """The largest of 3x3 pixels around every other pixel."""
    return np.array(
        [
            [
                [
                    channel[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].max()
                    for c in range(0, x.shape[2], 2)
                ]
                for r in range(0, x.shape[1], 2)
            ]
            for channel in x
        ]
    )


def normalised(x: Array, w: Array, b: Array) -> Array:
    """Of [C, ...], over C."""
    result = np.empty_like(x)
    for place in np.ndindex(x.shape[1:]):
        one = x[(slice(None), *place)]
        spread = np.sqrt(((one - one.mean()) ** 2).mean() + 1e-5)
        result[(slice(None), *place)] = (one - one.mean()) / spread * w + b
    return result


def embedding(tau: float, w: Array, b: Array, first: int) -> Array:
    """IQN, equation 4."""
    cosines = np.array([cos(pi * i * tau) for i in range(first, first + w.shape[1])])
    return rectified(linear(cosines, w, b))
