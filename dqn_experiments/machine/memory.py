"""How much memory there is, before it is asked for."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import torch

from dqn_experiments.errors import TrainingError
from dqn_experiments.machine import cgroup

TORCHS_WORDS = ("can't allocate memory", "not enough memory", "out of memory")
"""For the host's memory on POSIX systems and on Windows, and for a Mac's GPU."""

ASKED_FOR = re.compile(r"allocate ([\d.]+ [KMGTPE]?i?B|\d+ bytes)")
"""In the words of numpy and of torch on all devices."""


def available(device: torch.device) -> int:
    """Bytes that can still be had on the host, by this process, or on that GPU."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept  # by torch, of what was freed
    return int(min(psutil.virtual_memory().available, cgroup.memory_left()))


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that there was not enough; torch has a class for that only on CUDA."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(words in str(error) for words in TORCHS_WORDS)


@contextmanager
def shortage_told(what_to_lower: Callable[[], str]) -> Iterator[None]:
    """Turns the want of memory into a TrainingError of one line."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        asked = ASKED_FOR.search(str(error))
        at_once = f" ({asked[1]} were asked for at once)" if asked else ""
        raise TrainingError(f"out of memory{at_once}: free some, or {what_to_lower()}") from error
