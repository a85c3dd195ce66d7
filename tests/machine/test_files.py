import errno
import os
from pathlib import Path

import pytest

from dqn_experiments.machine import files


def test_text_is_the_same_bytes_on_every_system(tmp_path: Path) -> None:
    files.replace_text(tmp_path / "config.yaml", "name: ü\nother: 你\n")
    written = (tmp_path / "config.yaml").read_bytes()
    assert written == b"name: \xc3\xbc\nother: \xe4\xbd\xa0\n"


def test_text_is_replaced_as_a_whole_once_it_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    files.replace_text(tmp_path / "config.yaml", "before\n")
    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(OSError, match="Input/output"):
        files.replace_text(tmp_path / "config.yaml", "after\n")
    assert (tmp_path / "config.yaml").read_text() == "before\n"


def test_a_file_that_cannot_be_written_out_is_told_and_a_folder_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refused)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Invalid argument"):
        files.flush(tmp_path / "file")
    files.flush(tmp_path)


@pytest.mark.parametrize(("refusals", "moved"), [(3, True), (1_000, False)])
def test_who_holds_a_file_for_a_moment_is_waited_for(
    refusals: int, moved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAUSE", 0.001)
    left = [PermissionError(errno.EACCES, "Access is denied")] * refusals

    def rename(target: Path) -> None:
        if left:
            raise left.pop()
        (tmp_path / "old").rename(target)

    (tmp_path / "old").mkdir()
    if not moved:
        with pytest.raises(PermissionError):
            files.patiently(rename, tmp_path / "new")
    else:
        files.patiently(rename, tmp_path / "new")
    assert (tmp_path / "new").is_dir() == moved
