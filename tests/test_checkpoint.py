import json
import pickle
from pathlib import Path

import pytest
import torch

from dqn_experiments import checkpoint
from dqn_experiments.errors import ConfigError

WEIGHTS = {"layer.weight": torch.arange(6.0).reshape(2, 3)}


def steps(run_dir: Path) -> list[int]:
    return [saved.step for saved in checkpoint.available(run_dir)]


def test_weights_come_back(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    found = checkpoint.find(tmp_path, "latest")
    assert found.step == 100
    assert torch.equal(found.weights()["layer.weight"], WEIGHTS["layer.weight"])


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    for step, score in [(100, 1.0), (200, 9.0), (300, 2.0), (400, None), (500, 3.0)]:
        checkpoint.save(tmp_path, step, WEIGHTS, keep=2, score=score)
    assert steps(tmp_path) == [200, 400, 500]
    assert checkpoint.find(tmp_path, "best").step == 200
    assert checkpoint.find(tmp_path, "400").step == 400
    assert checkpoint.is_best(tmp_path, checkpoint.find(tmp_path, "best"))
    assert not checkpoint.is_best(tmp_path, checkpoint.find(tmp_path, "latest"))


def test_a_checkpoint_is_complete_or_not_there(tmp_path: Path, monkeypatch: object) -> None:
    checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    with pytest.raises(AttributeError):  # dies while writing
        checkpoint.save(tmp_path, 200, {"broken": lambda: None}, keep=3)
    assert steps(tmp_path) == [100]
    checkpoint.save(tmp_path, 200, WEIGHTS, keep=3)  # leftovers are no obstacle
    assert steps(tmp_path) == [100, 200]


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    checkpoint.save(tmp_path, 100, WEIGHTS, keep=3, score=5.0)
    assert checkpoint.find(tmp_path, "best").score == 5.0


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no checkpoint"):
        checkpoint.find(tmp_path, "latest")
    checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    with pytest.raises(ConfigError, match=r"checkpoint=best: must be one of latest, 100"):
        checkpoint.find(tmp_path, "best")


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise AssertionError('code from a checkpoint was run')",))


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps(Payload())])
def test_a_damaged_or_hostile_file_is_told_and_not_run(tmp_path: Path, content: bytes) -> None:
    saved = checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    (saved.path / checkpoint.WEIGHTS).write_bytes(content)
    with pytest.raises(ConfigError, match="not a readable file of weights"):
        checkpoint.find(tmp_path, "latest").weights()


def test_a_hostile_torch_file_is_told_and_not_run(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    torch.save({"layer.weight": Payload()}, saved.path / checkpoint.WEIGHTS)
    with pytest.raises(ConfigError, match="not a readable file of weights"):
        checkpoint.find(tmp_path, "latest").weights()


def test_a_damaged_description_is_told(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, 100, WEIGHTS, keep=3)
    (saved.path / checkpoint.META).write_text(json.dumps({"score": 1}))
    with pytest.raises(ConfigError, match="not a readable checkpoint description"):
        checkpoint.find(tmp_path, "latest")
