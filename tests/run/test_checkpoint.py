import errno
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.run import checkpoint
from dqn_experiments.run.tensors import save_tensors

WEIGHTS = {"layer.weight": torch.arange(6.0).reshape(2, 3)}
FILES = {
    checkpoint.WEIGHTS: save_tensors(WEIGHTS),
    "player.state": lambda path: path.write_bytes(b"!"),
}


def steps(run_dir: Path) -> list[int]:
    return [saved.step for saved in checkpoint.available(run_dir)]


def test_weights_come_back(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 100, FILES, keep=3)
    found = checkpoint.find(tmp_path, "latest")
    assert found.step == 100
    assert torch.equal(found.weights()["layer.weight"], WEIGHTS["layer.weight"])


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    for step, score in [(100, 1.0), (200, 9.0), (300, 2.0), (400, None), (500, 3.0)]:
        checkpoint.save(tmp_path, step, FILES, keep=2, score=score)
    assert steps(tmp_path) == [200, 400, 500]
    assert checkpoint.find(tmp_path, "best").step == 200
    assert checkpoint.find(tmp_path, "400").step == 400
    assert checkpoint.is_best(tmp_path, checkpoint.find(tmp_path, "best"))
    assert not checkpoint.is_best(tmp_path, checkpoint.find(tmp_path, "latest"))


def test_the_best_keeps_its_weights_only_once_it_is_not_among_the_newest(tmp_path: Path) -> None:
    for step, score in [(100, 9.0), (200, 1.0)]:
        checkpoint.save(tmp_path, step, FILES, keep=2, score=score)
    assert checkpoint.find(tmp_path, "best").is_whole
    for step in (300, 400):
        checkpoint.save(tmp_path, step, FILES, keep=2)
    best = checkpoint.find(tmp_path, "best")
    assert (best.step, best.score, best.is_whole) == (100, 9.0, False)
    best.verify()
    assert {path.name for path in best.path.iterdir()} == {
        "network.pt",
        "checkpoint.json",
        "SHA256SUMS",
    }
    assert torch.equal(best.weights()["layer.weight"], WEIGHTS["layer.weight"])
    for step in (300, 400):
        shutil.rmtree(tmp_path / "checkpoints" / f"{step:010d}")
    with pytest.raises(ConfigError, match="more than weights"):  # there is no going on from it
        checkpoint.newest_intact(tmp_path)


def test_damage_to_the_best_is_not_covered_up(tmp_path: Path) -> None:
    best = checkpoint.save(tmp_path, 100, FILES, keep=1, score=9.0)
    (best.path / checkpoint.WEIGHTS).write_bytes(b"damaged")
    checkpoint.save(tmp_path, 200, FILES, keep=1)
    with pytest.raises(StateError, match=r"network\.pt"):
        best.verify()


def test_a_checkpoint_is_complete_or_not_there(tmp_path: Path) -> None:
    def fill_the_disk(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpoint.save(tmp_path, 100, FILES, keep=3)
    before = {path: path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, 200, {**FILES, "replay": fill_the_disk}, keep=3)
    after = {path: path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before  # and its space is given back

    def die(path: Path) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        checkpoint.save(tmp_path, 200, {**FILES, "replay": die}, keep=3)
    assert steps(tmp_path) == [100]
    checkpoint.save(tmp_path, 200, FILES, keep=3)  # leftovers are no obstacle
    assert steps(tmp_path) == [100, 200]


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 100, FILES, keep=3)
    checkpoint.save(tmp_path, 100, FILES, keep=3, score=5.0)
    assert checkpoint.find(tmp_path, "best").score == 5.0


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no checkpoint"):
        checkpoint.find(tmp_path, "latest")
    checkpoint.save(tmp_path, 100, FILES, keep=3)
    with pytest.raises(ConfigError, match=r"checkpoint=best: must be one of latest, 100"):
        checkpoint.find(tmp_path, "best")


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    saved = checkpoint.save(tmp_path, 100, FILES, keep=3)
    (saved.path / checkpoint.WEIGHTS).write_bytes(content)
    with pytest.raises(ConfigError, match="not a readable file of weights"):
        checkpoint.find(tmp_path, "latest").weights()


def test_a_torch_file_that_would_unpack_without_end_is_refused(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, 100, FILES, keep=3)
    path = saved.path / checkpoint.WEIGHTS
    with zipfile.ZipFile(path) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    with pytest.raises(StateError, match="is compressed"):
        saved.weights()


def test_every_file_is_held_against_its_checksum(tmp_path: Path) -> None:
    """One bit, anywhere: the damaged file is named and the checkpoint before it is taken."""
    rng = np.random.default_rng(0)
    checkpoint.save(tmp_path, 100, FILES, keep=3)
    newest = checkpoint.save(tmp_path, 200, {**FILES, "replay.state": FILES[checkpoint.WEIGHTS]}, 3)
    assert checkpoint.newest_intact(tmp_path) == newest
    for path in sorted(newest.path.iterdir()):
        content = path.read_bytes()
        for _ in range(20):
            damaged = bytearray(content)
            damaged[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
            for wrong in (bytes(damaged), content[: rng.integers(len(content))]):
                path.write_bytes(wrong)
                with pytest.raises(StateError, match=path.name):
                    newest.verify()
                found = checkpoint.newest_intact(tmp_path)
                assert found
                assert found.step == 100
                assert path.read_bytes() == wrong  # left as it is
        path.unlink()
        with pytest.raises(StateError, match=path.name):
            newest.verify()
        path.write_bytes(content)
    assert checkpoint.newest_intact(tmp_path) == newest


def test_what_is_newer_and_damaged_takes_nobodys_place(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 100, FILES, keep=1)
    kept = tmp_path / "checkpoints" / "0000000300"
    shutil.copytree(tmp_path / "checkpoints" / "0000000100", kept)
    (kept / checkpoint.META).write_text(
        '{"step": 300, "score": null, "version": "0.2.0", "files": []}'
    )
    saved = checkpoint.save(tmp_path, 200, FILES, keep=1)
    assert steps(tmp_path) == [200, 300]
    assert checkpoint.newest_intact(tmp_path) == saved


def test_a_checkpoint_about_to_be_replaced_is_not_lost(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, 100, FILES, keep=1)
    saved.path.rename(saved.path.with_suffix(".replaced"))  # and then the process died
    assert checkpoint.newest_intact(tmp_path) == saved


def test_what_others_leave_beside_checkpoints_stays(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, 100, FILES, keep=1)
    (saved.path / ".DS_Store").write_text("")
    folders, files = {"0000000050.backup", "backup_0000000900"}, {".DS_Store", "0900"}
    for name in folders:
        (tmp_path / "checkpoints" / name).mkdir()
    for name in files:
        (tmp_path / "checkpoints" / name).write_text("")
    assert checkpoint.newest_intact(tmp_path) == saved
    checkpoint.save(tmp_path, 200, FILES, keep=1)
    left = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert left == {*folders, *files, "0000000200"}


def test_without_an_intact_checkpoint_nothing_is_begun_anew(tmp_path: Path) -> None:
    assert checkpoint.newest_intact(tmp_path) is None
    saved = checkpoint.save(tmp_path, 100, FILES, keep=3)
    (saved.path / checkpoint.WEIGHTS).write_bytes(b"")
    with pytest.raises(ConfigError, match="must hold a checkpoint that is not damaged"):
        checkpoint.newest_intact(tmp_path)


def test_sha256sum_can_check_it(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, 100, FILES, keep=3)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=saved.path, check=True)


def test_a_damaged_description_is_passed_over(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 100, FILES, keep=3)
    saved = checkpoint.save(tmp_path, 200, FILES, keep=3)
    (saved.path / checkpoint.META).write_text(json.dumps({"score": 1}))
    assert checkpoint.find(tmp_path, "latest").step == 100


def test_one_that_is_removed_while_others_look_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = checkpoint.save(tmp_path, 100, FILES, keep=1)
    gone = saved.path.with_name("0000000050")
    monkeypatch.setattr(checkpoint, "_folders", lambda run_dir: [gone, saved.path])
    assert checkpoint.available(tmp_path) == [saved]
