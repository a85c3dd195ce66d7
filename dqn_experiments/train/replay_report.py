"""Telling what a replay memory needs."""

import logging

import torch
from tqdm import tqdm

from dqn_experiments.experience.contract import Replay
from dqn_experiments.machine import memory

HOST = torch.device("cpu")

log = logging.getLogger(__name__)


class ReplayReport:
    """Says what a replay memory will need, and again when more frames changed the estimate."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._told = 0

    def tell(self) -> None:
        """Say it unless that is about what was said before."""
        replay, full = self._replay, self._replay.full_nbytes
        if abs(full - self._told) <= 0.25 * self._told:
            return
        raw = replay.raw_nbytes
        saves = f" ({tqdm.format_sizeof(raw, 'B')} uncompressed)" if raw > full else ""
        log.info(f"replay memory: about {tqdm.format_sizeof(full, 'B')} once full{saves}")
        self._told = full
        if full - replay.nbytes > memory.available(HOST):
            log.warning("replay memory: less than that is free; lower buffer.capacity")
