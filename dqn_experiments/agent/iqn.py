"""Implicit quantile networks (Dabney et al. 2018) and Munchausen IQN (Vieillard et al. 2020)."""

from typing import Unpack

import torch
from torch import Tensor, nn

from dqn_experiments.agent.backup import Backup, BackupOptions
from dqn_experiments.agent.choice import of_action
from dqn_experiments.agent.quantile import QuantilePriority, quantile_huber_loss
from dqn_experiments.agent.rule import Rule, RuleOptions
from dqn_experiments.config.constraints import Count, NonNegative, OptionalCount
from dqn_experiments.experience.batch import Batch, PerSample
from dqn_experiments.experience.spec import Implicit


class IQN(Rule):
    """The network is asked for the quantiles of returns at random fractions tau of [0, 1].

    An action's value is the mean over `act_samples` of them. `tau_samples` quantiles are held
    against targets made of `target_tau_samples` quantiles of the next state (see `Backup`), whose
    action others choose: `act_samples` of them or, with `shared_samples`, the same.
    """

    outputs = 1

    def __init__(
        self,
        *,
        tau_samples: Count,
        target_tau_samples: Count,
        act_samples: Count,
        shared_samples: bool,
        cosines: Count,
        first_cosine: OptionalCount,
        kappa: NonNegative,
        priority: QuantilePriority,
        **options: Unpack[BackupOptions],
    ) -> None:
        shared: RuleOptions = options
        super().__init__(**shared)
        self._backup = Backup(self.values, options)
        self.implicit = Implicit(cosines, first_cosine, act_samples)
        self._samples, self._target_samples = tau_samples, target_tau_samples
        self._act_samples, self._shared = act_samples, shared_samples
        self._kappa, self._priority = kappa, priority

    def values(self, output: Tensor) -> Tensor:
        """Action values f32 [B, A] of an output [B, A, K], quantiles at K random fractions."""
        return output.mean(dim=2)

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        """The quantile Huber loss of each sample; its fractions are drawn anew."""
        tau = _fractions(batch.observation, self._samples)
        output = network(batch.observation, tau)
        predicted = of_action(output, batch.action)
        following = self._next_outputs(network, target_network, batch.next_observation)
        target = self._backup.targets(batch, output, *following, target_network)
        return quantile_huber_loss(predicted, tau, target, self._kappa, self._priority)

    @torch.no_grad()
    def _next_outputs(
        self, network: nn.Module, target_network: nn.Module, observation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The target network's quantiles [B, A, target_tau_samples], and those that choose."""
        count = self._target_samples
        if self._backup.double or self._shared:
            output = target_network(observation, _fractions(observation, count))
            return output, network(observation) if self._backup.double else output
        tau = _fractions(observation, count + self._act_samples)  # the torso sees it once
        output = target_network(observation, tau)
        return output[:, :, :count], output[:, :, count:]


def _fractions(observation: Tensor, count: int) -> Tensor:
    """Uniform f32 [B, count]."""
    return torch.rand(len(observation), count, device=observation.device)
