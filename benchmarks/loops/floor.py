"""What must be computed: the kernels of an update, and the emulator."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from ale_py.vector_env import AtariVectorEnv
from loops.nature_cnn import nature_cnn
from loops.work import BATCH, UPDATE_EVERY, Advance, filled
from torch import Tensor

from dqn_experiments.machine.heap import keep_freed_memory


@contextmanager
def loop() -> Iterator[Advance]:
    """Four steps of the emulator, and what an update must compute."""
    keep_freed_memory()  # or pages are cleared at every update
    network = nature_cnn(4).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    pixels = torch.randint(256, (BATCH, 4, 84, 84), dtype=torch.uint8)
    gradient = torch.randn(BATCH, 4)
    env = AtariVectorEnv("breakout", 1, stack_num=1)
    env.reset(seed=0)
    draw = np.random.default_rng(0)

    def floats() -> Tensor:
        return pixels.float().contiguous(memory_format=torch.channels_last)

    def advance() -> int:
        for _ in range(UPDATE_EVERY):
            env.step(draw.integers(4, size=1))
        with torch.no_grad():
            network(floats())
        network(floats()).backward(gradient)
        optimizer.step()
        optimizer.zero_grad()
        return UPDATE_EVERY

    filled(advance)
    yield advance
    env.close()
