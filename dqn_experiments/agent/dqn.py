"""Deep Q-learning (Mnih et al. 2015) and Double DQN (van Hasselt et al. 2016)."""

from collections.abc import Callable
from typing import Literal, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from dqn_experiments.agent.rule import Rule, RuleOptions
from dqn_experiments.experience.batch import Batch, PerSample

PER_SAMPLE_LOSS: dict[str, Callable[..., Tensor]] = {
    "huber": functional.huber_loss,
    "mse": functional.mse_loss,
}


class DQN(Rule):
    """One number per action, its value, moved towards what the target network makes of the next.

    The loss compares Q(s, a) per sample with

        y = r + discount * Q_target(s', a*),

    where a* is greedy in the target network or, with `double`, in the online network. The priority
    is the TD error |y - Q(s, a)|.
    """

    outputs = 1

    def __init__(
        self, *, double: bool, loss: Literal["huber", "mse"], **options: Unpack[RuleOptions]
    ) -> None:
        super().__init__(**options)
        self._double = double
        self._per_sample_loss = PER_SAMPLE_LOSS[loss]

    def values(self, output: Tensor) -> Tensor:
        """Action values f32 [B, A] of an output [B, A, 1]."""
        return output.squeeze(2)

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        """The loss of each sample and its TD error."""
        values = self.values(network(batch.observation))
        predicted = values.gather(1, batch.action[:, None]).squeeze(1)
        target = self._target(network, target_network, batch)
        loss = self._per_sample_loss(predicted, target, reduction="none")
        return PerSample(loss, (target - predicted.detach()).abs())

    @torch.no_grad()
    def _target(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> Tensor:
        values = self.values(target_network(batch.next_observation))
        if self._double:
            chosen = self.values(network(batch.next_observation)).argmax(dim=1, keepdim=True)
            next_value = values.gather(1, chosen).squeeze(1)
        else:
            next_value = values.amax(dim=1)
        return batch.reward + batch.discount * next_value
