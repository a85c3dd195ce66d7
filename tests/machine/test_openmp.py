"""Torch's threads are fast alone, and sleep while others want the cores."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from dqn_experiments.machine import openmp
from dqn_experiments.machine.cores import usable_cores
from dqn_experiments.machine.devices import torch_settings

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists() or usable_cores() < 2,
    reason="the system does not tell who waits for a core, or there is but one",
)

CORES_USED = """
import threading, time, torch
from dqn_experiments.machine.openmp import sleeping_threads
torch.set_num_threads(2)

def cores_used():
    numbers, began, busy = torch.zeros(2**18), time.monotonic(), time.process_time()
    for _ in range(150):
        numbers.add_(1)
        time.sleep(0.002)  # in which the second thread has nothing to do
    return (time.process_time() - busy) / (time.monotonic() - began)

spinning = cores_used()
with sleeping_threads():
    sleeping = cores_used()
    threads = torch.get_num_threads()
print(spinning, sleeping, cores_used(), threads)
"""


def test_threads_sleep_for_a_while_where_they_are_told_to() -> None:
    own = {key: value for key, value in os.environ.items() if key not in openmp.SAID_BY_THE_USER}
    told = subprocess.check_output([sys.executable, "-c", CORES_USED], env=own, text=True)
    before, meanwhile, after, threads = map(float, told.split())
    assert meanwhile < before / 2
    assert meanwhile < after / 2
    assert threads == 2


def test_they_are_told_so_as_long_as_it_is_crowded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, over = threading.Event(), threading.Event()

    @contextmanager
    def noted() -> Iterator[None]:
        asleep.set()
        yield
        asleep.clear()

    def write(seconds: float) -> None:
        os.pwrite(file.fileno(), b"0 %020d 0\n" % int(1e9 * seconds), 0)

    def until(wanted: bool, waiting: float) -> None:
        """While a thread waits for a core so much of the time."""
        began = time.monotonic()
        while asleep.is_set() != wanted:
            assert time.monotonic() < began + 30
            write(waiting * (time.monotonic() - epoch))
            time.sleep(0.001)

    monkeypatch.setattr(openmp, "sleeping_threads", noted)
    monkeypatch.setattr(openmp, "SECONDS_BETWEEN_LOOKS", 0.1)
    with (tmp_path / "schedstat").open("wb", buffering=0) as file:
        write(0)
        watcher = threading.Thread(target=openmp._watch, args=(Path(file.name), over))
        watcher.start()
        for _ in range(2):
            epoch = time.monotonic()
            until(True, waiting=0.5)
            until(False, waiting=0.0)
        until(True, waiting=0.5)
        over.set()
        watcher.join()
    assert not asleep.is_set()


def test_it_is_crowded_beside_others(caplog: pytest.LogCaptureFixture) -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(usable_cores())
    ]
    numbers, end = torch.zeros(2**18), time.monotonic() + 30
    try:
        with caplog.at_level("INFO"), torch_settings(2):
            while "torch's threads sleep" not in caplog.text and time.monotonic() < end:
                numbers.add_(1)
    finally:
        for each in others:
            each.kill()
            each.wait()
    assert "others want the same cores" in caplog.text


@pytest.mark.parametrize("name", openmp.SAID_BY_THE_USER)
def test_the_environment_decides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    before = threading.active_count()
    with torch_settings(2):
        assert threading.active_count() == before
