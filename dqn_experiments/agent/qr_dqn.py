"""Quantile regression DQN (Dabney et al. 2018, "Distributional RL with Quantile Regression")."""

from typing import Unpack

from torch import Tensor, nn

from dqn_experiments.agent.backup import Backup, BackupOptions
from dqn_experiments.agent.choice import next_outputs, of_action
from dqn_experiments.agent.quantile import QuantilePriority, midpoints, quantile_huber_loss
from dqn_experiments.agent.rule import Rule, RuleOptions
from dqn_experiments.config.constraints import Count, NonNegative
from dqn_experiments.experience.batch import Batch, PerSample


class QRDQN(Rule):
    """Per action the quantiles of its return at (2i - 1) / 2N, i = 1 .. N; its value is their mean.

    Each quantile of the next state, as the target network sees it, makes a target (see `Backup`).
    """

    def __init__(
        self,
        *,
        quantiles: Count,
        kappa: NonNegative,
        priority: QuantilePriority,
        **options: Unpack[BackupOptions],
    ) -> None:
        shared: RuleOptions = options
        super().__init__(**shared)
        self._backup = Backup(self.values, options)
        self.outputs = quantiles
        self._kappa, self._priority = kappa, priority

    def values(self, output: Tensor) -> Tensor:
        """Action values f32 [B, A] of an output [B, A, quantiles]."""
        return output.mean(dim=2)

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        """The quantile Huber loss of each sample."""
        output = network(batch.observation)
        predicted = of_action(output, batch.action)
        following = next_outputs(
            network, target_network, batch.next_observation, self._backup.double
        )
        target = self._backup.targets(batch, output, *following, target_network)
        tau = midpoints(self.outputs, predicted)
        return quantile_huber_loss(predicted, tau, target, self._kappa, self._priority)
