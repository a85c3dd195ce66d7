"""Replay memory with uniform sampling (Lin 1992; Mnih et al. 2015)."""

from typing import Unpack

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dqn_experiments.buffer.replay import Replay, ReplayOptions
from dqn_experiments.experience.spec import ReplaySpec


class UniformReplay(Replay):
    """Every stored transition is as likely as any other.

    Without `replace` those of a batch are distinct, as long as that many are stored.
    """

    def __init__(
        self, spec: ReplaySpec, /, *, replace: bool, **options: Unpack[ReplayOptions]
    ) -> None:
        super().__init__(spec, **options)
        self._replace = replace

    def update(self, index: Tensor, priority: Tensor) -> None:
        """Priorities change nothing here."""

    def _draw(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Draw slots and reject those where no whole transition starts: O(batch) at any size."""
        weight = np.ones(self._batch_size, np.float32)
        drawn = np.empty(0, np.int64)
        for _ in range(100):
            candidate = self._rings.stored_index(
                self._rng.integers(len(self), size=self._batch_size)
            )
            drawn = np.concatenate([drawn, candidate[self._rings.complete(candidate)]])
            if not self._replace:
                drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
            if len(drawn) >= self._batch_size:
                return drawn[: self._batch_size], weight
        return self._draw_from_few(), weight

    def _draw_from_few(self) -> NDArray[np.int64]:
        """Indices i64 [B] from a memory so empty that they must repeat."""
        every = self._rings.stored_index(np.arange(len(self)))
        return self._rng.choice(every[self._rings.complete(every)], self._batch_size)
