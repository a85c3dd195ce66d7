"""The part of a machine that is this process's, where several train side by side."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from dqn_experiments.machine import cores

VISIBLE = "CUDA_VISIBLE_DEVICES"
_held: list[FileLock] = []  # as long as this process lives: CUDA, once started, keeps its GPU


@contextmanager
def share_of_the_cores(processes: int) -> Iterator[int]:
    """Let `usable_cores` be this process's even share for a while, at least 1."""
    before, cores.sharing = cores.sharing, processes
    try:
        yield cores.usable_cores()
    finally:
        cores.sharing = before


def take_a_gpu(number: int, claims: Path) -> str | None:
    """Let this process see one GPU of those that there are, another than its neighbours see.

    It must be called before torch starts CUDA. What the environment says already, stays.

    Args:
        number: of the job, which decides where there are more processes than GPUs.
        claims: a folder of all these processes, in which each notes what it took.

    Returns:
        What it is called; None if there is nothing to choose.
    """
    count = torch.cuda.device_count()  # asks the driver's library, which starts nothing
    if VISIBLE in os.environ or count < 2 or torch.cuda.is_initialized():
        return None
    claims.mkdir(exist_ok=True)
    order = [(number + index) % count for index in range(count)]
    index = next((index for index in order if _claim(claims / f"gpu{index}.lock")), order[0])
    os.environ[VISIBLE] = str(index)
    return f"GPU {index} of {count}"


def _claim(file: Path) -> bool:
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    _held.append(lock)
    return True
