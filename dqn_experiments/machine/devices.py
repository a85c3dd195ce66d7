"""The accelerator at hand."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import torch
from pydantic import AfterValidator
from torch import Tensor

from dqn_experiments.machine.cores import usable_cores
from dqn_experiments.machine.heap import keep_freed_memory
from dqn_experiments.machine.openmp import threads_that_make_room

FILLS: Any = torch.utils.deterministic
TORCHS_THREADS = torch.get_num_threads()  # as it starts: of all cores, or as OMP_NUM_THREADS says


def resolve(name: str) -> torch.device:
    """The device of that name; `auto` is cuda if there is one, then mps, then cpu.

    Raises:
        ValueError: if there is no such device here.
    """
    if name == "auto":
        return torch.device(_available()[0])
    if name not in _available():
        raise ValueError(f"must be auto or one of the devices here: {', '.join(_available())}")
    return torch.device(name)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host's on a device, without waiting for what is at work there.

    CUDA's driver has taken in what lies in pageable memory when it returns, and torch keeps pinned
    memory as long as it is read; MPS does neither, and so is waited for.
    """
    return tensor.to(device, non_blocking=device.type == "cuda")


@contextmanager
def torch_settings(threads: int | None, deterministic: bool = False) -> Iterator[None]:
    """Set what a run in this thread wants of torch for a while; then what did before holds again.

    But for the memory that the process keeps (see `keep_freed_memory`), which stays so. Several
    threads make room for others all that while (see `threads_that_make_room`).

    Args:
        threads: of the CPU that torch may use for what this thread computes; None: as many as it
            would by itself, but no more than there are cores for this process.
        deterministic: whether torch may choose only algorithms that give the same bits every time.
            They hold for all threads of the process as long as a run in any of them wants that.
    """
    keep_freed_memory()
    before, own = torch.get_num_threads(), threads or min(TORCHS_THREADS, usable_cores())
    torch.set_num_threads(own)
    try:
        with threads_that_make_room(own), _as_deterministic_as_asked(deterministic):
            yield
    finally:
        torch.set_num_threads(before)


_lock = threading.Lock()
_asking = 0
_before = False, False


@contextmanager
def _as_deterministic_as_asked(asked: bool) -> Iterator[None]:
    """The whole process, until the last who asks has left."""
    with _lock:
        _count(asked)
    try:
        yield
    finally:
        with _lock:
            _count(-asked)


def _count(more: int) -> None:
    """Those who ask; the first sets what holds, and the last what held before."""
    global _asking, _before
    if more and not _asking:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        _before = torch.are_deterministic_algorithms_enabled(), FILLS.fill_uninitialized_memory
        _set_deterministic(True, False)  # nothing here reads memory before it is written
    _asking += more
    if more and not _asking:
        _set_deterministic(*_before)


def _set_deterministic(algorithms: bool, fill: bool) -> None:
    if algorithms != torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(algorithms)  # imports torch's compiler
    FILLS.fill_uninitialized_memory = fill


def _available() -> list[str]:
    count = torch.cuda.device_count()
    cuda = ["cuda", *(f"cuda:{index}" for index in range(count))] if count else []
    return cuda + ["mps"] * torch.backends.mps.is_available() + ["cpu"]


def _usable(name: str) -> str:
    resolve(name)
    return name


Device = Annotated[str, AfterValidator(_usable)]
