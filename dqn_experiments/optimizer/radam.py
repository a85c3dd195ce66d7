"""Rectified Adam (Liu et al. 2020)."""

from collections.abc import Iterable
from typing import Unpack

import torch
from torch.nn import Parameter

from dqn_experiments.optimizer.shared import AdamOptions, Prepared, of_torch


class RAdam(Prepared, torch.optim.RAdam):
    """torch's RAdam, all weights at once.

    Momentum alone until the variance of the adaptive rate can be told, which is after five steps
    with the usual `betas`, then Adam times a factor that grows to 1.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        /,
        *,
        decoupled_weight_decay: bool,
        **options: Unpack[AdamOptions],
    ) -> None:
        super().__init__(
            params,
            **of_torch(options),
            decoupled_weight_decay=decoupled_weight_decay,
            foreach=True,
        )
        self._share(options)
