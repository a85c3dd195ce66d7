"""Categorical DQN (Bellemare et al. 2017)."""

from typing import Literal, Unpack

import torch
from torch import Tensor, nn

from dqn_experiments.agent.choice import next_outputs, of_action, of_greedy
from dqn_experiments.agent.priority import root
from dqn_experiments.agent.rule import Rule, RuleOptions
from dqn_experiments.config.constraints import Finite, Several
from dqn_experiments.experience.batch import Batch, PerSample


class C51(Rule):
    """Per action the logits of how likely its return is each of `atoms` numbers.

    These lie evenly from `v_min` to `v_max`. The target distribution is that of the next state's
    greedy action as the target network sees it, discounted, moved by the reward and projected onto
    the atoms; with `double` the online network chooses the action.
    """

    def __init__(
        self,
        *,
        atoms: Several,
        v_min: Finite,
        v_max: Finite,
        double: bool,
        priority: Literal["loss", "sqrt_loss", "kl"],
        **options: Unpack[RuleOptions],
    ) -> None:
        super().__init__(**options)
        self.outputs = atoms
        self._bounds = v_min, v_max
        self._double, self._priority = double, priority

    def values(self, output: Tensor) -> Tensor:
        """Action values f32 [B, A] of logits [B, A, atoms]."""
        return (output.softmax(dim=2) * self._atoms(output)).sum(dim=2)

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        """The cross-entropy of each sample's target distribution and the predicted one.

        The priority is that, its root, or the Kullback-Leibler divergence, which is that less the
        target's entropy.
        """
        logits = of_action(network(batch.observation), batch.action)
        target = self._target(network, target_network, batch)
        loss = -(target * logits.log_softmax(dim=1)).sum(dim=1)
        priority = loss.detach()
        if self._priority == "sqrt_loss":
            priority = root(priority)
        elif self._priority == "kl":  # 0 at most by rounding
            priority = (priority + torch.xlogy(target, target).sum(dim=1)).clamp(min=0.0)
        return PerSample(loss, priority)

    @torch.no_grad()
    def _target(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> Tensor:
        output, chooser = next_outputs(
            network, target_network, batch.next_observation, self._double
        )
        probability = of_greedy(output, self.values(chooser)).softmax(dim=1)
        moved = batch.reward[:, None] + batch.discount[:, None] * self._atoms(output)
        return self._projected(moved, probability)

    def _projected(self, places: Tensor, probability: Tensor) -> Tensor:
        """Probabilities [B, atoms] of the atoms, of a mass [B, atoms] at other places [B, atoms].

        A place hands its mass to the atoms beside it, more to the nearer one (algorithm 1); what
        lies beyond the outermost goes to these. Distances are in atoms, so an atom's own place is
        a whole number away from all others, and no mass is lost there.
        """
        low, high = self._bounds
        last = self.outputs - 1
        index = ((places - low) * (last / (high - low))).clamp(0, last)
        whole = torch.arange(self.outputs, device=index.device, dtype=index.dtype)
        share = (1 - (index[:, None, :] - whole[:, None]).abs()).clamp(min=0)
        return (share * probability[:, None, :]).sum(dim=2)

    def _atoms(self, like: Tensor) -> Tensor:
        return torch.linspace(*self._bounds, self.outputs, device=like.device, dtype=like.dtype)
