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

CORES = usable_cores()
TOLD = Path("/proc/self/schedstat")
pytestmark = pytest.mark.skipif(
    not TOLD.exists() or TOLD.read_text().startswith("0 0 ") or CORES < 2,
    reason="the system does not tell who waits for a core, or there is but one",
)

CORES_USED = """
import sys, threading, time, torch
from dqn_experiments.machine.openmp import sleeping_threads
threads = int(sys.argv[1])
torch.set_num_threads(threads)

def cores_used():
    numbers, began, busy = torch.zeros(2**18), time.monotonic(), time.process_time()
    for _ in range(150):
        numbers.add_(1)
        time.sleep(0.002)  # in which all others have nothing to do
    return (time.process_time() - busy) / (time.monotonic() - began)

spinning = cores_used()
with sleeping_threads(threads):
    sleeping = cores_used()
print(spinning, sleeping, cores_used(), torch.get_num_threads())
"""


@pytest.fixture(autouse=True)
def unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in openmp.SAID_BY_THE_USER:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("threads", sorted({2, CORES}))
def test_threads_sleep_for_a_while_where_they_are_told_to(threads: int) -> None:
    told = subprocess.check_output([sys.executable, "-c", CORES_USED, str(threads)], text=True)
    before, meanwhile, after, number = map(float, told.split())
    assert meanwhile < before / 2
    assert meanwhile < after / 2
    assert number == threads


@pytest.mark.parametrize(
    ("cores", "threads", "teams"),
    [(2, 2, 1), (8, 8, 1), (8, 5, 1), (8, 4, 2), (8, 2, 7), (64, 2, 0), (8, 1, 0), (2, 8, 0)],
)
def test_there_are_more_threads_than_cores_then_but_not_many(
    cores: int, threads: int, teams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
    assert openmp.idle_teams(threads) == teams
    if teams:
        assert threads + teams * (threads - 1) > cores


def test_they_are_told_so_as_long_as_it_is_crowded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, over = threading.Event(), threading.Event()

    @contextmanager
    def noted(threads: int) -> Iterator[None]:
        asleep.set()
        yield
        asleep.clear()

    def write(seconds: float) -> None:
        os.pwrite(second.fileno(), b"0 %020d 0\n" % int(1e9 * seconds), 0)

    def until(wanted: bool, waiting: float) -> None:
        """While a thread waits for a core so much of the time."""
        began = time.monotonic()
        while asleep.is_set() != wanted:
            assert time.monotonic() < began + 30
            write(waiting * (time.monotonic() - epoch))
            time.sleep(0.001)

    monkeypatch.setattr(openmp, "sleeping_threads", noted)
    monkeypatch.setattr(openmp, "SECONDS_BETWEEN_LOOKS", 0.1)
    for task in "123":
        (tmp_path / task).mkdir()
    (tmp_path / "1" / "schedstat").write_text("0 0 0\n")  # and the third has ended
    with (tmp_path / "2" / "schedstat").open("wb", buffering=0) as second:
        write(0)
        watcher = threading.Thread(target=openmp._watch, args=(tmp_path, 2, over))
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
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(CORES)]
    numbers, end = torch.zeros(2**18), time.monotonic() + 30
    try:
        with caplog.at_level("INFO"), torch_settings(CORES):
            while "torch's threads sleep" not in caplog.text and time.monotonic() < end:
                numbers.add_(1)
    finally:
        for each in others:
            each.kill()
            each.wait()
    assert "more to run than cores" in caplog.text


def test_a_team_that_cannot_be_had_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: int) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch, "zeros", no_memory)
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="allocate"), openmp.sleeping_threads(2):
        pass
    monkeypatch.setattr(openmp, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(openmp, "CROWDED", -1.0)
    with torch_settings(2):
        time.sleep(0.1)
    assert threading.active_count() == before


@pytest.mark.parametrize("name", openmp.SAID_BY_THE_USER)
def test_the_environment_decides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    before = threading.active_count()
    with torch_settings(2):
        assert threading.active_count() == before
