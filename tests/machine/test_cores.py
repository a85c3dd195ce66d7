"""Threads are counted by the cores that a process may use."""

import math
import os
import threading

import pytest
import torch

from dqn_experiments.machine import cgroup, cores, devices
from dqn_experiments.machine.devices import torch_settings


@pytest.mark.parametrize(
    ("affinity", "quota", "usable"),
    [
        (8, math.inf, 8),
        (8, 2.0, 2),
        (8, 1.2, 2),
        (8, 0.2, 1),
        (3, 6.0, 3),
        (1, math.inf, 1),
    ],
)
def test_affinity_and_quota(
    affinity: int, quota: float, usable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(affinity)))
    monkeypatch.setattr(cgroup, "cpu_quota", lambda: quota)
    assert cores.usable_cores() == usable


@pytest.mark.parametrize(("count", "usable"), [(6, 6), (None, 1)])
def test_without_affinity_all_cores_count(
    count: int | None, usable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "cpu_quota", lambda: math.inf)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores.usable_cores() == usable


@pytest.mark.parametrize(
    ("threads", "torchs", "usable", "expected"),
    [(None, 64, 2, 2), (None, 1, 2, 1), (3, 64, 2, 3)],  # who says a number is not corrected
)
def test_torchs_threads(
    threads: int | None,
    torchs: int,
    usable: int,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "TORCHS_THREADS", torchs)
    monkeypatch.setattr(devices, "usable_cores", lambda: usable)
    with torch_settings(threads):
        assert torch.get_num_threads() == expected


def test_the_end_of_a_run_changes_nothing_for_those_that_go_on() -> None:
    """Whatever order they end in; and threads are of the thread that computes."""

    def now() -> tuple[int, bool]:
        return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()

    own, told = now(), []
    fills = torch.utils.deterministic
    ended, begun = threading.Event(), threading.Event()

    def other_run() -> None:
        with torch_settings(3):
            told.append(now())
            begun.set()
            ended.wait()
            told.append(now())

    with torch_settings(2, deterministic=True):
        beside = threading.Thread(target=other_run)
        beside.start()
        begun.wait()
        assert now() == (2, True)
        assert not fills.fill_uninitialized_memory  # type: ignore[attr-defined]
        with torch_settings(own[0], deterministic=True):
            pass
        assert now() == (2, True)
    assert now() == own
    ended.set()
    beside.join()
    assert told == [(3, True), (3, False)]
    assert now() == own
    assert fills.fill_uninitialized_memory  # type: ignore[attr-defined]
