"""The accelerator at hand."""

import os
from typing import Annotated

import torch
from pydantic import AfterValidator

DEFAULT_THREADS = torch.get_num_threads()


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


def limit_threads(threads: int | None) -> None:
    """Let torch use that many CPU threads; None: as many as it would by itself."""
    torch.set_num_threads(threads or DEFAULT_THREADS)


def use_deterministic(deterministic: bool) -> None:
    """Let torch choose only algorithms that give the same bits every time, or the fastest."""
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    torch.use_deterministic_algorithms(deterministic)


def _available() -> list[str]:
    count = torch.cuda.device_count()
    cuda = ["cuda", *(f"cuda:{index}" for index in range(count))] if count else []
    return cuda + ["mps"] * torch.backends.mps.is_available() + ["cpu"]


def _usable(name: str) -> str:
    resolve(name)
    return name


Device = Annotated[str, AfterValidator(_usable)]
