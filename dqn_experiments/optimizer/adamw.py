"""Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

from collections.abc import Iterable
from typing import Any, Unpack

import torch
from torch.nn import Parameter

from dqn_experiments.optimizer.shared import AdamOptions, Prepared, of_torch


class AdamW(Prepared, torch.optim.AdamW):
    """torch's AdamW, in its fused form: Adam, and before each step w <- w - lr * weight_decay * w.

    Without `decay_bias` weights of one dimension, biases and the scales of norms, do not decay, as
    in BBF (Schwarzer et al. 2023).
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        /,
        *,
        decay_bias: bool,
        **options: Unpack[AdamOptions],
    ) -> None:
        weights = list(params)
        groups: list[dict[str, Any]] = [
            {"params": [weight for weight in weights if decay_bias or weight.ndim > 1]},
            {
                "params": [weight for weight in weights if not (decay_bias or weight.ndim > 1)],
                "weight_decay": 0.0,
            },
        ]
        own = [group for group in groups if group["params"]]
        super().__init__(own, **of_torch(options), fused=True)
        self._share(options)
