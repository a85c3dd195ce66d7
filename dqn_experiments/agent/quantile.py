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
    loss, slope, distance = _losses_and_slopes(predicted.detach(), tau, target, kappa)
    with_gradient = loss + (slope * (predicted - predicted.detach())).sum(dim=1)
    by_name = {"loss": loss, "sqrt_loss": root(loss), "td_error": distance}
    return PerSample(with_gradient, by_name[priority])


@torch.no_grad()
def _losses_and_slopes(
    predicted: Tensor, tau: Tensor, target: Tensor, kappa: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses [B], their derivatives by what is predicted [B, N], sums of mean |u| [B].

    The derivative of L is u / kappa between -1 and 1. To write it down spares autograd a dozen
    tensors [B, N, M], which take most of the time of QR-DQN's 200 x 200.
    """
    tau = tau[..., None].to(predicted.dtype)
    error = target[:, None, :] - predicted[:, :, None]
    distance = error.abs().mean(dim=2).sum(dim=1)
    slope = (error / kappa).clamp_(-1, 1) if kappa else error.sign()
    weighted = torch.where(error < 0, 1 - tau, tau).mul_(slope)
    size = error.sub_(slope, alpha=kappa / 2)  # times the slope it is L
    return size.mul_(weighted).mean(dim=2).sum(dim=1), -weighted.mean(dim=2), distance


def midpoints(count: int, like: Tensor) -> Tensor:
    """(2i - 1) / 2N for i = 1 .. N, [N]: each stands for an N-th of a distribution."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count
