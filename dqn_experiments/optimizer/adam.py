"""Adam (Kingma & Ba 2015)."""

from collections.abc import Iterable
from typing import Unpack

import torch
from torch.nn import Parameter

from dqn_experiments.config.constraints import Decay, NonNegative, Positive
from dqn_experiments.optimizer.shared import OptimizerOptions, Prepared


class Adam(Prepared, torch.optim.Adam):
    """torch's Adam, in its fused form: one kernel for all weights, the same numbers."""

    def __init__(
        self,
        params: Iterable[Parameter],
        /,
        *,
        betas: tuple[Decay, Decay],
        eps: Positive,
        weight_decay: NonNegative,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(
            params,
            lr=options["lr"],
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            fused=True,
        )
        self._share(**options)
