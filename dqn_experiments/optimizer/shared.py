"""What every optimizer of the project does before a step."""

from collections.abc import Callable
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from dqn_experiments.config.constraints import Decay, NonNegative, Positive, Schedule


class OptimizerOptions(TypedDict):
    """What can be configured of every optimizer."""

    lr: Positive
    lr_factor: Schedule
    max_grad_norm: Positive | None


class Moments(TypedDict):
    """What Adam and its relatives have beside that."""

    betas: tuple[Decay, Decay]
    eps: Positive
    weight_decay: NonNegative


class AdamOptions(Moments, OptimizerOptions):
    """All of theirs."""


def of_torch(options: AdamOptions) -> dict[str, Any]:
    """Those that torch's classes have too."""
    return {name: options[name] for name in ("lr", "betas", "eps", "weight_decay")}


class Prepared(torch.optim.Optimizer):
    """The keys that all optimizers share; comes before the class of torch that it prepares.

    They are no settings of its groups, so that a state has what torch's own would have.
    """

    def _share(self, options: OptimizerOptions) -> None:
        self._lr, self._lr_factor = options["lr"], options["lr_factor"]
        self._max_grad_norm = options["max_grad_norm"]
        for group in self.param_groups:
            device = group["params"][0].device
            if device.type == "cuda":  # so that a CUDA graph reads it anew each time
                group["lr"] = torch.tensor(group["lr"], device=device)
                if "capturable" in group:
                    group["capturable"] = True
                    self._warned_capturable_if_run_uncaptured = True  # it is, to warm up
        self._set_lr(self._lr)

    def prepare(self, step: int) -> None:
        """Set the learning rate to lr * lr_factor(step), where `step` counts agent steps."""
        lr = self._lr * self._lr_factor(step)
        if lr != self._lr_now:
            self._set_lr(lr)

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One update from the gradients in `.grad`; nothing of it waits for the device.

        The L2 norm over the gradients of all weights together is at most `max_grad_norm`
        afterwards (Pascanu et al. 2013).
        """
        self._clip()
        return super().step(closure)

    def _clip(self) -> None:
        if self._max_grad_norm is not None:
            weights = [weight for group in self.param_groups for weight in group["params"]]
            clip_grad_norm_(weights, self._max_grad_norm)

    def state_dict(self) -> dict[str, Any]:
        """As torch's; the same on every device."""
        state = super().state_dict()
        for group in state["param_groups"]:
            group["lr"] = self._lr_now
            if "capturable" in group:
                group["capturable"] = False
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take in what `state_dict` gave."""
        groups = [
            {**group, **{name: own[name] for name in ("lr", "capturable") if name in own}}
            for group, own in zip(state["param_groups"], self.param_groups, strict=True)
        ]
        super().load_state_dict({**state, "param_groups": groups})
        self._set_lr(state["param_groups"][0]["lr"])  # the same of all

    def _set_lr(self, lr: float) -> None:
        self._lr_now = lr
        for group in self.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr
