"""What only POSIX systems have is done without elsewhere, as far as that can be played here."""

import errno
import fcntl
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import dqn_experiments as dqn
from dqn_experiments.machine import cgroup, interrupt
from dqn_experiments.run import checkpoint, progress
from tests.conftest import QUICK_CARTPOLE

TICK = 1 / 64  # seconds, of Windows's clock

NAME = "Zoë 你好"
"""In no code page of Windows."""


@pytest.fixture
def without_posix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither affinity nor control groups nor signals but those of C."""
    monkeypatch.setattr(cgroup, "PROC", tmp_path / "none")
    monkeypatch.setattr(interrupt, "SIGNALS", [signal.SIGINT, signal.SIGTERM])
    monkeypatch.delattr(os, "sched_getaffinity")
    for name in ("SIGUSR1", "pthread_sigmask", "sigwait", "sigtimedwait"):
        monkeypatch.delattr(signal, name)


@pytest.fixture
def windows(without_posix: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and clock as on Windows."""
    opened, synced, monotonic = os.open, os.fsync, time.monotonic
    written, read = Path.write_text, Path.read_text

    def open_file(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, flags, *arguments, **options)

    def fsync(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        synced(descriptor)

    def write_text(
        path: Path, data: str, encoding: Any = None, *_: Any, newline: Any = None
    ) -> int:
        return written(path, data, encoding or "cp1252", newline=newline or "\r\n")

    def read_text(path: Path, encoding: Any = None) -> str:
        return read(path, encoding or "cp1252")

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # it opens folders where it can
    monkeypatch.setattr(Path, "write_text", write_text)
    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() // TICK * TICK)
    monkeypatch.setattr(progress, "TICK", TICK)
    for name in ("rename", "replace", "unlink"):
        monkeypatch.setattr(Path, name, refused_while_open(getattr(Path, name)))


def refused_while_open(change: Any) -> Any:
    """A file that this process has open has to stay, and so have the folders around it."""

    def changed(path: Path, *arguments: Any, **options: Any) -> Any:
        for descriptor in os.listdir("/proc/self/fd"):
            held = Path(f"/proc/self/fd/{descriptor}").resolve()
            if held.is_relative_to(path.absolute()):
                raise PermissionError(errno.EACCES, "The process cannot access the file", path)
        return change(path, *arguments, **options)

    return changed


def trains_and_goes_on(run_dir: Path) -> None:
    config = dqn.compose(*QUICK_CARTPOLE, "log_every=1", "checkpoint.every=100")
    config.tracker.mode, config.tracker.name = "disabled", NAME
    assert dqn.train(config, run_dir).step == 600
    assert dqn.train(config, run_dir).status == "finished"
    assert dqn.go_on(run_dir, "total_steps=700").step == 700
    assert dqn.evaluate(run_dir).step == 700
    assert dqn.load(run_dir, checkpoint="best").config.tracker.name == NAME
    kept = checkpoint.available(run_dir)
    assert [each.step for each in kept][-3:] == [500, 600, 700]
    for each in kept:
        each.verify()
    assert len(dqn.history(run_dir)["step"]) > 10


@pytest.mark.usefixtures("windows")
def test_a_run_on_windows(tmp_path: Path) -> None:
    trains_and_goes_on(tmp_path / "run")
    files = [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".yaml", ".json")]
    files += (tmp_path / "run").rglob(checkpoint.SUMS)
    assert len(files) > 6
    for file in files:  # another system reads them as well
        assert b"\r" not in file.read_bytes()
        file.read_bytes().decode("utf-8")


@pytest.mark.usefixtures("without_posix")
def test_a_run_without_affinity_groups_and_further_signals(tmp_path: Path) -> None:
    trains_and_goes_on(tmp_path / "run")


@pytest.mark.usefixtures("windows")
def test_a_checkpoint_that_someone_reads_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    files = {checkpoint.WEIGHTS: lambda path: path.write_bytes(b"1")}
    saved = checkpoint.save(tmp_path, 100, files, keep=1)
    with (saved.path / checkpoint.WEIGHTS).open("rb"):
        with pytest.raises(PermissionError):
            checkpoint.save(tmp_path, 100, files, keep=1, score=1.0)
        checkpoint.save(tmp_path, 200, files, keep=1)  # and is no obstacle
    saved.verify()
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == [
        "0000000100",
        "0000000200",
    ]


def test_a_checkpoint_that_cannot_be_replaced_has_its_name_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if path.suffix == checkpoint.PARTIAL:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return rename(path, target)

    files = {checkpoint.WEIGHTS: lambda path: path.write_bytes(b"1")}
    saved = checkpoint.save(tmp_path, 100, files, keep=1)
    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError, match="Input/output"):
        checkpoint.save(tmp_path, 100, files, keep=1, score=1.0)
    assert checkpoint.available(tmp_path) == [saved]
