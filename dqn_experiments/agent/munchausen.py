"""The two terms of Munchausen reinforcement learning (Vieillard et al. 2020)."""

from torch import Tensor


def scaled_log_policy(values: Tensor, temperature: float) -> Tensor:
    """tau log pi, f32 [B, A], of the policy that is a softmax of values [B, A] / tau.

    As Q - V - tau log sum exp((Q - V) / tau) with V = max Q, like the authors' code: values are
    large against temperatures, and rounding Q / tau would blur what tells actions apart.
    """
    below_best = values - values.amax(dim=1, keepdim=True)
    scaled = below_best / temperature
    return below_best - temperature * scaled.logsumexp(dim=1, keepdim=True)


def munchausen_bonus(values: Tensor, action: Tensor, temperature: float, floor: float) -> Tensor:
    """clip(tau log pi(a|s), floor, 0), f32 [B], for actions i64 [B] and values [B, A] of s."""
    log_policy = scaled_log_policy(values, temperature)
    return log_policy.gather(1, action[:, None]).squeeze(1).clamp(min=floor)  # never above 0


def soft_value(output: Tensor, values: Tensor, temperature: float) -> Tensor:
    """sum_a pi(a|s) (Z(s, a) - tau log pi(a|s)), f32 [B, n], for Z [B, A, n].

    The policy is that of `values` [B, A], which may be another network's.
    """
    log_policy = scaled_log_policy(values, temperature)
    policy = (log_policy / temperature).exp()
    return (policy[:, :, None] * (output - log_policy[:, :, None])).sum(dim=1)
