"""The learner: networks, their optimizer, and one gradient step at a time."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from dqn_experiments.config.components import (
    build_augmentation,
    build_network,
    build_optimizer,
    build_rule,
)
from dqn_experiments.errors import StateError
from dqn_experiments.experience.batch import Batch
from dqn_experiments.experience.spec import NetworkSpec
from dqn_experiments.machine.captured import Captured, are_captured
from dqn_experiments.machine.randomness import Randomness
from dqn_experiments.network.init import settle
from dqn_experiments.train.modes import Modes


class Update(NamedTuple):
    """What an update leaves, on the device, until the next one."""

    loss: Tensor
    """f32 []: mean over the batch, by importance."""
    priority: Tensor
    """f32 [B]: see `PerSample`."""


class Learner:
    """The online network, the target network, and how a batch changes the one towards the other.

    The online network is in evaluation mode except during an update; both draw from a stream of
    their own. `rule` says what a batch teaches and when the target network is due; the state of
    `network` is a part of a checkpoint by itself.
    """

    def __init__(
        self,
        config: DictConfig,
        observation_shape: tuple[int, ...],
        num_actions: int,
        device: torch.device,
    ) -> None:
        self._config, self._device = config, device
        self._randomness = Randomness(config.seed, device)
        self.rule = build_rule(config)
        self._spec = NetworkSpec(
            observation_shape, num_actions, self.rule.outputs, self.rule.implicit
        )
        self.network = self._fresh_network()
        target = self._fresh_network() if self.rule.random_target else None
        self.target_network = target or copy.deepcopy(self.network)
        self.target_network.requires_grad_(False)  # it stays in training mode: its noise counts
        self._modes = Modes(self.network)
        self._augment = build_augmentation(config)
        self._begin_optimizer()
        self.updates = 0
        """Gradient steps so far."""

    def _fresh_network(self) -> nn.Module:
        with self._randomness:
            network = build_network(self._config, self._spec)
        return network.to(self._device)

    def _begin_optimizer(self) -> None:
        self._optimizer = build_optimizer(self._config, self.network.parameters())
        self._prepare: Callable[[int], None] | None = getattr(self._optimizer, "prepare", None)
        self._descend = self._captured()

    def _captured(self) -> Captured:
        """The gradient step, on a GPU one CUDA graph as long as the optimizer's state stays."""
        parts = self.rule, self.network, self._augment, self._optimizer
        graphs = are_captured(self._config.cuda_graphs, self._device, *parts)
        return Captured(self._gradient_step, "an update", graphs)

    def begin_with(self, weights: Mapping[str, Any]) -> None:
        """Let both networks start from the weights of another run's network.

        So does a target network that would have weights of its own (`random_target`): beside a
        network that has learned something these would only undo it.

        Raises:
            StateError: if they are of another network; one thing that does not fit is named.
        """
        misfit = _misfit(self.network.state_dict(), weights)
        if misfit:
            raise StateError(f"{misfit}; must be of the same network, with as many actions")
        try:
            self.network.load_state_dict(weights)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise StateError(
                f"not of this network ({' '.join(str(error).split()):.200})"
            ) from error
        self._copy_to_target()

    def update(self, batch: Batch, step: int) -> Update:
        """One gradient step on the mean loss of `batch`; nothing of it waits for the device.

        `step` counts agent steps, by which an optimizer may schedule its learning rate.
        """
        if self._prepare:
            self._prepare(step)
        with self._randomness:
            loss, priority = self._descend(*vars(batch).values())
        self.updates += 1
        if self.rule.target_update_unit == "updates" and (
            self.updates % self.rule.target_update_every == 0
        ):
            self.sync_target()
        return Update(loss, priority)

    def _gradient_step(self, *fields: Tensor) -> Update:
        """What `update` computes, of the fields of a batch."""
        batch = Batch(*fields)
        with self._modes.training():
            seen = replace(
                batch,
                observation=self._augment(batch.observation),
                next_observation=self._augment(batch.next_observation),
            )
            loss, priority = self.rule.loss(self.network, self.target_network, seen)
            mean = (batch.weight * loss).mean()
            self._optimizer.zero_grad()
            mean.backward()
            self._optimizer.step()
        return Update(mean.detach(), priority)

    @torch.no_grad()
    def sync_target(self) -> None:
        """Copy the online network into the target network, or as much of it as the rule says.

        A soft update (Polyak averaging; Lillicrap et al. 2016) is of weights. Whatever else there
        is, such as running statistics, is copied.
        """
        if self.rule.target_mix == 1:
            self._copy_to_target()
            return
        targets: list[Tensor] = list(self.target_network.parameters())
        weights: list[Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(targets, weights, self.rule.target_mix)
        for target, own in zip(self.target_network.buffers(), self.network.buffers(), strict=True):
            target.copy_(own)

    def _copy_to_target(self) -> None:
        self.target_network.load_state_dict(self.network.state_dict())

    @torch.no_grad()
    def reset(self, keep_torso: float, keep_head: float) -> None:
        """Shrink and perturb (Ash & Adams 2020): mix the weights with those of a new network.

        Args:
            keep_torso: share of the old weights of what is called `torso`.
            keep_head: the same for all others.

        The target network starts as a copy again, and the optimizer without moments.
        """
        fresh = dict(self._fresh_network().named_parameters())
        for name, weight in self.network.named_parameters():
            keep = keep_torso if name.startswith("torso.") else keep_head
            weight.lerp_(fresh[name], 1 - keep)
        with self._modes.training():
            settle(self.network)
        self._copy_to_target()
        self._begin_optimizer()

    def state_dict(self) -> dict[str, Any]:
        """What there is to restore besides the state of `network`."""
        return {
            "target_network": self.target_network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "randomness": self._randomness.state_dict(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take in what `state_dict` gave; raises what torch does if it does not fit."""
        self._load_optimizer(state["optimizer"])
        self._descend = self._captured()
        self.target_network.load_state_dict(state["target_network"])
        self._randomness.load_state_dict(state["randomness"])
        self.updates = int(state.get("updates", 0))  # 0.2.0 did not count them

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        """Raises ValueError unless everything is laid out as it must be.

        torch does not look, and its kernels would write past the end of what is too small.
        """
        own = self._state_after_a_step()
        if _settings(state["param_groups"]) != _settings(own["param_groups"]):
            raise ValueError("its optimizer's settings are of another kind")
        moments = state["state"]  # only of weights that had a gradient
        expected = {weight: own["state"][weight] for weight in moments}
        if _layout(moments) != _layout(expected):
            raise ValueError("its optimizer's moments are of another size")
        self._optimizer.load_state_dict(state)

    def _state_after_a_step(self) -> dict[str, Any]:
        """The optimizer's state with moments for all weights, which are left as they are."""
        weights = list(self.network.parameters())
        before = [weight.detach().clone() for weight in weights]
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        self._optimizer.step()
        self._optimizer.zero_grad()
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
        return self._optimizer.state_dict()


def _misfit(own: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """The first thing in which the states of two networks differ, but for their values."""
    for name in own:
        if name not in given:
            return f"has no {name}, which this network needs"
        there, here = (_shape(state[name]) for state in (given, own))
        if there != here:
            return f"{name} has the shape {there}, and in this network {here}"
    foreign = [name for name in given if name not in own]
    return f"has {foreign[0]}, which this network has not" if foreign else None


def _shape(value: Any) -> list[int] | None:
    return list(value.shape) if isinstance(value, Tensor) else None


def _settings(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The weights and the kind of every setting of each group; a schedule may move the values."""
    return [
        {name: value if name == "params" else type(value) for name, value in group.items()}
        for group in groups
    ]


def _layout(moments: dict[int, dict[str, Tensor]]) -> dict[tuple[int, str], Any]:
    return {
        (parameter, name): (moment.dtype, moment.shape, moment.stride())
        for parameter, each in moments.items()
        for name, moment in each.items()
    }
