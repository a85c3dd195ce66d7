"""Deep Q-learning (Mnih et al. 2015) and its variants, Double DQN and Munchausen DQN."""

from collections.abc import Callable
from typing import Literal, Unpack

from torch import Tensor, nn
from torch.nn import functional

from dqn_experiments.agent.backup import Backup, BackupOptions
from dqn_experiments.agent.choice import next_outputs, of_action
from dqn_experiments.agent.rule import Rule, RuleOptions
from dqn_experiments.experience.batch import Batch, PerSample

PER_SAMPLE_LOSS: dict[str, Callable[..., Tensor]] = {
    "huber": functional.huber_loss,
    "mse": functional.mse_loss,
}


class DQN(Rule):
    """One number per action, its value, moved towards what the target network makes of the next.

    The loss compares Q(s, a) per sample with a target y (see `Backup`). The priority is the TD
    error |y - Q(s, a)|.
    """

    outputs = 1

    def __init__(self, *, loss: Literal["huber", "mse"], **options: Unpack[BackupOptions]) -> None:
        shared: RuleOptions = options
        super().__init__(**shared)
        self._backup = Backup(self.values, options)
        self._per_sample_loss = PER_SAMPLE_LOSS[loss]

    def values(self, output: Tensor) -> Tensor:
        """Action values f32 [B, A] of an output [B, A, 1]."""
        return output.squeeze(2)

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        """The loss of each sample and its TD error."""
        output = network(batch.observation)
        predicted = of_action(output, batch.action).squeeze(1)
        following = next_outputs(
            network, target_network, batch.next_observation, self._backup.double
        )
        target = self._backup.targets(batch, output, *following, target_network).squeeze(1)
        loss = self._per_sample_loss(predicted, target, reduction="none")
        return PerSample(loss, (target - predicted.detach()).abs())
