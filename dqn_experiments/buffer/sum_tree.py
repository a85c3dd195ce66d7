"""Sampling in proportion to priorities that change (Schaul et al. 2016, Appendix B.2.1)."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FANOUT = 128  # a million leaves lie three levels deep: few numpy calls, each of them wide


class SumTree:
    """`size` numbers, 0 at first, and over each `FANOUT` of them their sum, up to a single one."""

    def __init__(self, size: int) -> None:
        self._levels = [np.zeros(_padded(size))]  # leaves first; each a whole number of families
        while len(self._levels[-1]) > FANOUT:
            self._levels.append(np.zeros(_padded(len(self._levels[-1]) // FANOUT)))
        self.leaves = self._levels[0][:size]
        """f64 [size]: the numbers; to be changed by `set` only."""

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._levels[-1].sum())

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return sum(level.nbytes for level in self._levels)

    def set(self, leaf: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Set `leaf` i64 [B] to `value` f64 [B]; where a leaf comes twice the last one counts."""
        self._levels[0][leaf] = value
        for below, level in pairwise(self._levels):
            leaf = np.unique(leaf // FANOUT)
            level[leaf] = below.reshape(-1, FANOUT)[leaf].sum(axis=1)

    def find(self, mass: NDArray[np.float64]) -> NDArray[np.int64]:
        """The leaf i64 [B] at which the running sum of leaves first exceeds `mass` f64 [B].

        For `mass` in [0, total); a leaf that is 0 is never found.
        """
        node = np.zeros(len(mass), np.int64)
        for level in reversed(self._levels):
            running = level.reshape(-1, FANOUT)[node].cumsum(axis=1)
            # rounding may have made a sum larger than its parts together
            mass = np.minimum(mass, np.nextafter(running[:, -1], 0))
            child = (running <= mass[:, None]).sum(axis=1)
            passed = np.where(child > 0, running[np.arange(len(mass)), child - 1], 0)
            mass = mass - passed
            node = node * FANOUT + child
        return node


def _padded(size: int) -> int:
    return -(-size // FANOUT) * FANOUT
