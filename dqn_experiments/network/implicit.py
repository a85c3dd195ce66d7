"""Quantiles at fractions that the network is given (Dabney et al. 2018b)."""

from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional

from dqn_experiments.experience.spec import Implicit


class QuantileEmbedding(nn.Module):
    """Features of an observation to features of its quantiles (IQN, equation 4):

        features * relu(linear(cos(pi i tau))),  i = first, ..., first + cosines - 1

    for each tau by itself. `samples` taus are drawn uniformly where none are given.
    """

    def __init__(self, features: int, implicit: Implicit) -> None:
        super().__init__()
        self.multiples: Tensor
        self._samples = implicit.samples
        self.linear = nn.Linear(implicit.cosines, features)
        multiples = pi * torch.arange(implicit.first, implicit.first + implicit.cosines)
        self.register_buffer("multiples", multiples, persistent=False)

    def forward(self, features: Tensor, tau: Tensor | None = None) -> Tensor:
        """Of features f32 [B, F] and taus f32 [B, N] those of all quantiles f32 [B, N, F]."""
        if tau is None:
            tau = torch.rand(len(features), self._samples, device=features.device)
        cosines = torch.cos(tau.unsqueeze(2) * self.multiples)
        return features.unsqueeze(1) * functional.relu(self.linear(cosines))
