"""Processes side by side share the cores, and have a GPU each."""

import os
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from dqn_experiments.machine import cgroup, cores, share
from dqn_experiments.machine.devices import torch_settings


def test_threads_and_cores_are_an_even_share_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setattr(cgroup, "cpu_quota", lambda: 8.0)
    monkeypatch.setattr("dqn_experiments.machine.devices.TORCHS_THREADS", 8)
    for processes, expected in ((1, 8), (3, 2), (16, 1)):
        with share.share_of_the_cores(processes) as mine, torch_settings(None):
            assert (mine, cores.usable_cores(), torch.get_num_threads()) == (expected,) * 3
        with share.share_of_the_cores(processes), torch_settings(5):
            assert torch.get_num_threads() == 5, "what a person says holds"
    assert cores.usable_cores() == 8


def test_a_gpu_is_taken_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    held: list[FileLock] = []
    monkeypatch.setattr(share, "_held", held)
    taken = []
    for number in (1, 1, 3):  # as jobs 1 and 3 do where 0 and 2 are finished
        monkeypatch.delenv(share.VISIBLE, raising=False)
        taken.append((share.take_a_gpu(number, tmp_path), os.environ[share.VISIBLE]))
    assert taken == [("GPU 1 of 2", "1"), ("GPU 0 of 2", "0"), ("GPU 1 of 2", "1")]
    for lock in held:
        lock.release()
    assert share.take_a_gpu(0, tmp_path) is None, "the environment says which already"
    monkeypatch.delenv(share.VISIBLE)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert share.take_a_gpu(0, tmp_path) is None
    assert share.VISIBLE not in os.environ
