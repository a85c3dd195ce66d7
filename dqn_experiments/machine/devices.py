"""The accelerator at hand."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def torch_settings(threads: int | None, deterministic: bool = False) -> Iterator[None]:
    """What holds for the whole process for a while, and then again what did before.

    Args:
        threads: of the CPU that torch may use; None: as many as it would by itself.
        deterministic: whether torch may choose only algorithms that give the same bits every time.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    torch.set_num_threads(threads or DEFAULT_THREADS)
    torch.use_deterministic_algorithms(deterministic)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def _available() -> list[str]:
    count = torch.cuda.device_count()
    cuda = ["cuda", *(f"cuda:{index}" for index in range(count))] if count else []
    return cuda + ["mps"] * torch.backends.mps.is_available() + ["cpu"]


def _usable(name: str) -> str:
    resolve(name)
    return name


Device = Annotated[str, AfterValidator(_usable)]
