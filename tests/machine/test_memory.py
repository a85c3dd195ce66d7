"""Free memory is what the machine has and a container allows."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from dqn_experiments.machine import memory

CPU = torch.device("cpu")


def test_at_most_what_the_machine_has() -> None:
    assert 0 < memory.available(CPU) < psutil.virtual_memory().total


@pytest.mark.parametrize("limited", ["batch", "batch/job"])
def test_the_limit_of_any_group_around_it_counts(
    limited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in ("batch", "batch/job"):
        folder = tmp_path / group
        folder.mkdir()
        (folder / "memory.max").write_text("1000000\n" if group == limited else "max\n")
        (folder / "memory.current").write_text("400000\n")
        (folder / "memory.stat").write_text("anon 300000\ninactive_file 100000\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory, "own_group", lambda: "batch/job")
    assert memory.available(CPU) == 700_000


def test_no_container_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "none")
    assert memory.available(CPU) > 1_000_000


@pytest.mark.parametrize("ask", [lambda: torch.empty(10**15), lambda: bytearray(10**16)])
def test_what_is_not_there_is_known_by_its_error(ask: Callable[[], object]) -> None:
    with pytest.raises((MemoryError, RuntimeError)) as refused:
        ask()
    assert memory.ran_out(refused.value)
    assert not memory.ran_out(RuntimeError("shapes do not match"))
