"""Adam (Kingma & Ba 2015)."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter

from dqn_experiments.config.constraints import Decay, NonNegative, Positive


class Adam(torch.optim.Adam):
    """torch's Adam, in its fused form: one kernel for all weights, the same numbers."""

    def __init__(
        self,
        params: Iterable[Parameter],
        /,
        *,
        lr: Positive,
        betas: tuple[Decay, Decay],
        eps: Positive,
        weight_decay: NonNegative,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
