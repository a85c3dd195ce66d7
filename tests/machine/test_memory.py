"""Free memory is what the machine has and a container allows."""

import math
from collections.abc import Callable

import numpy as np
import psutil
import pytest
import torch

from dqn_experiments.errors import TrainingError
from dqn_experiments.machine import cgroup, memory

CPU = torch.device("cpu")


def test_at_most_what_the_machine_has() -> None:
    assert 0 < memory.available(CPU) < psutil.virtual_memory().total


def test_at_most_what_a_container_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory_left", lambda: 700_000)
    assert memory.available(CPU) == 700_000
    monkeypatch.setattr(cgroup, "memory_left", lambda: math.inf)
    assert memory.available(CPU) > 1_000_000


@pytest.mark.parametrize("ask", [lambda: torch.empty(10**15), lambda: bytearray(10**16)])
def test_what_is_not_there_is_known_by_its_error(ask: Callable[[], object]) -> None:
    with pytest.raises((MemoryError, RuntimeError)) as refused:
        ask()
    assert memory.ran_out(refused.value)
    assert not memory.ran_out(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(
    "told",
    [
        "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: you "
        "tried to allocate 911360 bytes.",  # on Windows
        "MPS backend out of memory (MPS allocated: 9.06 GB, other allocations: 1.00 MB, max "
        "allowed: 9.07 GB). Tried to allocate 64.00 MB on private pool.",
    ],
)
def test_other_systems_words_for_it_are_known(told: str) -> None:
    assert memory.ran_out(RuntimeError(told))


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (lambda: torch.empty(10**15), "4000000000000000 bytes"),
        (lambda: np.empty(10**15), "7.11 PiB"),
        (lambda: oom("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"), "2.00 GiB"),
        (lambda: oom("MPS backend out of memory (...). Tried to allocate 64.00 MB on"), "64.00 MB"),
        (lambda: bytearray(10**16), ""),
    ],
)
def test_what_was_asked_for_is_told_where_it_is_known(
    error: Callable[[], object], asked: str
) -> None:
    at_once = rf" \({asked} were asked for at once\)" if asked else ""
    told = rf"^out of memory{at_once}: free some, or lower x=1$"
    with pytest.raises(TrainingError, match=told), memory.shortage_told(lambda: "lower x=1"):
        error()


def oom(told: str) -> None:
    raise torch.OutOfMemoryError(told)
