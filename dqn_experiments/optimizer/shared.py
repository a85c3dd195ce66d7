"""What every optimizer of the project does before a step."""

from typing import Any, TypedDict

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


class Prepared:
    """A mixin beside `torch.optim.Optimizer`: the keys that all optimizers share.

    They are no settings of its groups, so that a state has what torch's own would have.
    """

    param_groups: list[dict[str, Any]]

    def _share(self, options: OptimizerOptions) -> None:
        self._lr, self._lr_factor = options["lr"], options["lr_factor"]
        self._max_grad_norm = options["max_grad_norm"]

    def prepare(self, step: int) -> None:
        """Make ready for the next `step()`: clip the gradients in `.grad`, and set `lr`.

        The L2 norm over the gradients of all weights together is at most `max_grad_norm`
        afterwards (Pascanu et al. 2013), and the learning rate is lr * lr_factor(step), where
        `step` counts agent steps. Nothing of it waits for the device.
        """
        if self._max_grad_norm is not None:
            weights = [weight for group in self.param_groups for weight in group["params"]]
            clip_grad_norm_(weights, self._max_grad_norm)
        lr = self._lr * self._lr_factor(step)
        for group in self.param_groups:
            group["lr"] = lr
