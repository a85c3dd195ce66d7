"""Quantile regression of returns (Dabney et al. 2018a, 2018b)."""

from typing import Literal

import torch
from torch import Tensor

from dqn_experiments.agent.priority import root
from dqn_experiments.experience.batch import PerSample

QuantilePriority = Literal["loss", "sqrt_loss", "td_error"]


def quantile_huber_loss(
    predicted: Tensor, tau: Tensor, target: Tensor, kappa: float, priority: QuantilePriority
) -> PerSample:
    """How far predicted quantiles are from being those of the targets.

    With u_ij = target_j - predicted_i it is the sum over i of the mean over j of

        |tau_i - 1{u_ij < 0}| L(u_ij),  L(u) = u^2 / (2 kappa) where |u| <= kappa
                                               |u| - kappa / 2 elsewhere

    (equation 3 of 2018b; equation 10 of 2018a does not divide by kappa, which is 1 there).

    Args:
        predicted: [B, N], with gradients.
        tau: [B, N] or [N], the fraction of the distribution below each.
        target: [B, M], without gradients: equally likely returns.
        kappa: where the loss becomes linear, 0: everywhere.
        priority: the loss, its root, or the sum over i of the mean over j of |u_ij|.
    """
    error = target[:, None, :] - predicted[:, :, None]
    weight = (tau[..., None] - (error.detach() < 0).to(tau.dtype)).abs()
    size = error.abs()
    loss = (weight * _rounded(size, kappa)).mean(dim=2).sum(dim=1)
    if priority == "td_error":
        return PerSample(loss, size.detach().mean(dim=2).sum(dim=1))
    return PerSample(loss, root(loss.detach()) if priority == "sqrt_loss" else loss.detach())


def _rounded(size: Tensor, kappa: float) -> Tensor:
    """The Huber loss over kappa of |u|; |u| if kappa is 0."""
    if kappa == 0:
        return size
    near = size.clamp(max=kappa)
    return near * (size - near / 2) / kappa


def midpoints(count: int, like: Tensor) -> Tensor:
    """(2i - 1) / 2N for i = 1 .. N, [N]: each stands for an N-th of a distribution."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count
