"""The file that holds state: read as it was written, and never more than data."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from dqn_experiments import state
from dqn_experiments.errors import StateError
from tests.conftest import Payload


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    saved: dict[str, Any] = {
        "rng": rng.bit_generator.state,  # integers of 128 bits
        "step": 7,
        "largest": 0.1 + 0.2,
        "nothing": {},
        "blocks": [b"abc", b"", b"\x00" * 1000],
        "no_blocks": [],
        "deep": {"er": {"array": rng.normal(size=(3, 0, 2)), "flags": np.array([True, False])}},
        "records": np.zeros(3, [("a", np.int32), ("b", np.float32)]),
        "scalar": np.array(3.5),
    }
    state.save(tmp_path / "file", saved)
    loaded = state.load(tmp_path / "file")
    np.testing.assert_equal(loaded, saved)
    with np.load(tmp_path / "file") as archive:  # and any tool can open it
        assert archive["scalar"] == 3.5


def member(name: str, content: bytes, path: Path, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("state.json", "{}")
        archive.writestr(name, content)


def header(shape: tuple[int, ...], descr: str) -> bytes:
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", header((10**15,), "<f8")),
        ("a.npy", header((10**15,), "|V0")),
        ("a.npy", header((2,), "<f8").replace(b"(", b"[") + bytes(16)),
        ("a.npy", header((1,), "|O") + pickle.dumps(Payload())),
        ("a.npy", b"\x80" + pickle.dumps(Payload())),
        ("a/b.npy", header((0,), "<f8")),  # of a part that is not there
        ("a.pkl", pickle.dumps(Payload())),
        ("../a.npy", header((0,), "<f8")),
        ("a.blocks", b"no sizes"),
    ],
)
def test_a_file_from_a_stranger_is_refused(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    member(name, content, tmp_path / "file")
    with pytest.raises(StateError, match="file: damaged, must be as it was written"):
        state.load(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    member("a.npy", header((10**8,), "|u1") + bytes(10**8), tmp_path / "file", zipfile.ZIP_DEFLATED)
    with pytest.raises(StateError, match="is compressed"):
        state.load(tmp_path / "file")


def test_members_in_the_same_place_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        archive.writestr("state.json", "{}")
        archive.writestr("a.npy", header((1000,), "|u1") + bytes(1000))
        archive.filelist *= 100
    with pytest.raises(StateError, match="its members overlap"):
        state.load(tmp_path / "file")


def test_no_bit_can_flip_unnoticed(tmp_path: Path) -> None:
    """Each bit of a small file: it is refused by name, or it was one that means nothing."""
    path = tmp_path / "file"
    saved = {"a": {"b": np.arange(3)}, "blocks": [b"xy", b"z"], "step": 7}
    state.save(path, saved)
    whole = path.read_bytes()
    refused = 0
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            np.testing.assert_equal(state.load(path), saved)
        except StateError:
            refused += 1
    assert refused > 4 * len(whole)


def test_a_key_that_would_not_come_back_is_refused(tmp_path: Path) -> None:
    for key in ("a/b", "a.sizes"):
        with pytest.raises(ValueError, match="must be without"):
            state.save(tmp_path / "file", {key: np.zeros(1)})


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_state_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StateError, match="file: damaged"):
        state.load(tmp_path / "file")
