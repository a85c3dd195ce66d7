"""The accelerator at hand."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import AfterValidator
from torch import Tensor

from dqn_experiments.machine.cores import usable_cores
from dqn_experiments.machine.heap import keep_freed_memory
from dqn_experiments.machine.openmp import threads_that_make_room

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


@dataclass(frozen=True, eq=False)  # two runs that want the same are two
class TorchSettings:
    """What holds for all of torch in this process."""

    threads: int
    deterministic: bool

    def apply(self) -> None:
        """Let it hold."""
        torch.set_num_threads(self.threads)
        if self.deterministic != torch.are_deterministic_algorithms_enabled():
            torch.use_deterministic_algorithms(self.deterministic)  # imports torch's compiler


_lock = threading.Lock()
_wanted: list[TorchSettings] = []  # by runs in threads of this process; the first is a caller's own


@contextmanager
def torch_settings(threads: int | None, deterministic: bool = False) -> Iterator[None]:
    """Set what holds for the whole process for a while; then what did before holds again.

    But for the memory that it keeps (see `keep_freed_memory`), which stays so. Several threads make
    room for others all that while (see `threads_that_make_room`).

    Of runs side by side in one process the newest says how many threads there are, and all of them
    are deterministic as long as one wants to be.

    Args:
        threads: of the CPU that torch may use; None: as many as it would by itself, but no more
            than there are cores for this process.
        deterministic: whether torch may choose only algorithms that give the same bits every time.
    """
    keep_freed_memory()
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    mine = TorchSettings(threads or min(TORCHS_THREADS, usable_cores()), deterministic)
    with _lock:
        if not _wanted:
            before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
            _wanted.append(TorchSettings(*before))
        _wanted.append(mine)
        _together().apply()
    try:
        with threads_that_make_room() if mine.threads > 1 else nullcontext():
            yield
    finally:
        with _lock:
            _wanted.remove(mine)
            _together().apply()
            if len(_wanted) == 1:
                _wanted.clear()


def _together() -> TorchSettings:
    """The caller's own where no run is left."""
    own, *runs = _wanted
    if not runs:
        return own
    return TorchSettings(runs[-1].threads, any(run.deterministic for run in runs))


def _available() -> list[str]:
    count = torch.cuda.device_count()
    cuda = ["cuda", *(f"cuda:{index}" for index in range(count))] if count else []
    return cuda + ["mps"] * torch.backends.mps.is_available() + ["cpu"]


def _usable(name: str) -> str:
    resolve(name)
    return name


Device = Annotated[str, AfterValidator(_usable)]
