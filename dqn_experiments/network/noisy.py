"""Layers that explore: their weights are drawn anew at every use."""

from math import erf, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

LIMIT = 2.0
"""Standard deviations within which truncated noise stays (DQN Zoo, networks.py)."""


class NoisyLinear(nn.Linear):
    """A linear layer with factorised Gaussian noise (Fortunato et al. 2018, section 3):

        w = mu + sigma * f(e_out) f(e_in)^T,  b = mu_b + sigma_b * f(e_out),  f(e) = sgn(e) sqrt|e|

    One draw of the inputs + outputs numbers e serves all rows of a batch. They are drawn at every
    forward in training mode or while `exploring`; otherwise the weights are mu. mu, under the
    names of a linear layer, begins as U(+-1/sqrt(inputs)), sigma as `sigma` / sqrt(inputs)
    (section 3.2).

    Args:
        inputs: width of f32 [B, inputs].
        outputs: width of f32 [B, outputs].
        sigma: sigma_0 of the paper.
        truncated: e within two standard deviations, as in DQN Zoo's Rainbow.
    """

    def __init__(self, inputs: int, outputs: int, *, sigma: float, truncated: bool = False) -> None:
        super().__init__(inputs, outputs)  # torch begins with the paper's mu
        self.exploring = False
        self._truncated = truncated
        self.weight_sigma = nn.Parameter(torch.full((outputs, inputs), sigma / sqrt(inputs)))
        self.bias_sigma = nn.Parameter(torch.full((outputs,), sigma / sqrt(inputs)))

    def forward(self, features: Tensor) -> Tensor:
        """f32 [B, outputs]."""
        if not (self.training or self.exploring):
            return super().forward(features)
        noise_in, noise_out = self._noise(self.in_features), self._noise(self.out_features)
        weight = self.weight + self.weight_sigma * torch.outer(noise_out, noise_in)
        bias = self.bias + self.bias_sigma * noise_out
        return functional.linear(features, weight, bias)

    def _noise(self, size: int) -> Tensor:
        """f(e) f32 [size]."""
        noise = torch.empty(size, device=self.weight.device, dtype=self.weight.dtype)
        if self._truncated:
            mass = erf(LIMIT / sqrt(2))
            noise.uniform_(-mass, mass).erfinv_().mul_(sqrt(2))
        else:
            noise.normal_()
        return noise.sign() * noise.abs().sqrt()
