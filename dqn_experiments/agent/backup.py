"""From rewards and what follows them to targets: Q-learning's, or Munchausen's."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from dqn_experiments.agent.choice import of_greedy
from dqn_experiments.agent.munchausen import munchausen_bonus, soft_value
from dqn_experiments.agent.rule import RuleOptions
from dqn_experiments.config.constraints import NonPositive, Positive, UnitInterval
from dqn_experiments.experience.batch import Batch


class BackupOptions(RuleOptions):
    """What can be configured of rules whose numbers all stand for returns."""

    double: bool
    munchausen: bool
    munchausen_alpha: UnitInterval
    entropy_temperature: Positive
    log_policy_floor: NonPositive
    log_policy_network: Literal["target", "online"]


class Backup:
    """Makes a batch's targets, for any rule whose numbers are returns or parts of one.

        y = r + discount * Z(s', a*)

    where Z are the n numbers of the target network, and a* is greedy in the values that choose; or
    with `munchausen`

        y = r + alpha clip(tau log pi(a|s), floor, 0)
              + discount * sum_a' pi(a'|s') (Z(s', a') - tau log pi(a'|s'))

    (Vieillard et al. 2020), where pi is a softmax of values over the temperature tau: at s' of the
    values that choose, at s of the target network's or the online network's.

    Args:
        values: what an output's values are.
        options: what is configured.
    """

    def __init__(self, values: Callable[[Tensor], Tensor], options: BackupOptions) -> None:
        self.double = options["double"]
        self._values = values
        self._munchausen = options["munchausen"]
        self._alpha = options["munchausen_alpha"]
        self._temperature = options["entropy_temperature"]
        self._floor = options["log_policy_floor"]
        self._online_log_policy = options["log_policy_network"] == "online"

    @torch.no_grad()
    def targets(
        self,
        batch: Batch,
        output: Tensor,
        next_output: Tensor,
        chooser: Tensor,
        target_network: nn.Module,
    ) -> Tensor:
        """Targets f32 [B, n].

        Args:
            batch: B transitions; over n steps, the bonus counts once, for the first of them.
            output: what the online network makes of the observations.
            next_output: [B, A, n]: what the target network makes of the next ones.
            chooser: the output whose values choose there.
            target_network: for what it makes of the observations, if that is needed.
        """
        reward, values = batch.reward, self._values(chooser)
        if self._munchausen:
            here = output if self._online_log_policy else target_network(batch.observation)
            bonus = munchausen_bonus(
                self._values(here), batch.action, self._temperature, self._floor
            )
            reward = reward + self._alpha * bonus
            following = soft_value(next_output, values, self._temperature)
        else:
            following = of_greedy(next_output, values)
        return reward[:, None] + batch.discount[:, None] * following
