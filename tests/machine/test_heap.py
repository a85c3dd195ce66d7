"""What is freed is there for the next one."""

import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc"
)

UPDATES = """
import resource, torch
from dqn_experiments.config.compose import composed
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.train.assembly import assembled
{settings}
torch.set_num_threads(1)
config = composed("env=boxing", "agent=c51", "learning_starts=100", "update_every=1")
loop = assembled(config, torch.device("cpu"))
loop.start()
for step in range(180):
    if step == 140:  # by then all has been touched once
        began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    loop.advance()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
loop.player.close()
"""


def page_faults(settings: str) -> int:
    out = subprocess.check_output(
        [sys.executable, "-c", UPDATES.format(settings=settings)], text=True, timeout=120
    )
    return int(out)


def test_updates_do_not_ask_the_system_for_their_memory_again() -> None:
    assert page_faults("") > 10_000  # else this shows nothing
    assert page_faults("torch_settings(1).__enter__()") < 5_000
