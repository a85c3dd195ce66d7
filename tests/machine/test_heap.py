"""What is freed is there for the next one."""

import ctypes
import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc"
)

UPDATES = """
import resource, torch
{before}
for update in range(40):
    if update == 20:  # by then all has been touched once
        began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    activations = [torch.empty(6_000_000).fill_(1) for _ in range(8)]  # 24 MB each
    del activations
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
"""
SETTINGS = """
from dqn_experiments.machine.devices import torch_settings
with torch_settings(1):
    pass
"""


def page_faults(before: str) -> int:
    out = subprocess.check_output(
        [sys.executable, "-c", UPDATES.format(before=before)], text=True, timeout=120
    )
    return int(out)


def test_updates_do_not_ask_the_system_for_their_memory_again() -> None:
    pages = 20 * 8 * 24_000_000 // resource.getpagesize()
    assert page_faults("") > pages / 2  # else this shows nothing
    assert page_faults(SETTINGS) < pages / 100
