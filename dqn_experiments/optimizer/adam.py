"""Adam (Kingma & Ba 2015)."""

from collections.abc import Iterable
from typing import Unpack

import torch
from torch.nn import Parameter

from dqn_experiments.optimizer.shared import AdamOptions, Prepared, of_torch


class Adam(Prepared, torch.optim.Adam):
    """torch's Adam, in its fused form: one kernel for all weights, the same numbers."""

    def __init__(self, params: Iterable[Parameter], /, **options: Unpack[AdamOptions]) -> None:
        super().__init__(params, **of_torch(options), fused=True)
        self._share(options)
