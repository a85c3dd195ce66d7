"""What is freed is there for the next one."""

import ctypes
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc"
)

# By itself glibc hands back large blocks or keeps them, as they happen to lie; so it is told to.
ALL_GOES_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**17)}
TURNS = """
import resource, torch
from dqn_experiments.machine.devices import torch_settings
{settings}
def turn():
    return [torch.ones(24 * 2**20, dtype=torch.uint8) for _ in range(3)] and None
[turn() for _ in range(10)]
began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
[turn() for _ in range(10)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
"""


def page_faults(settings: str) -> int:
    out = subprocess.check_output(
        [sys.executable, "-c", TURNS.format(settings=settings)],
        env=os.environ | ALL_GOES_BACK,
        text=True,
        timeout=120,
    )
    return int(out)


def test_tensors_do_not_ask_the_system_for_their_memory_again() -> None:
    assert page_faults("") > 10_000  # else this shows nothing
    assert page_faults("torch_settings(1).__enter__()") < 100
