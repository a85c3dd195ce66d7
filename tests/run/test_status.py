"""How a run is doing is read from its directory, and looking changes nothing there."""

import json
import threading
from pathlib import Path

import pytest

from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.run import checkpoint, failure, pruned
from dqn_experiments.run.ownership import OWNER, in_use, owned
from dqn_experiments.run.status import Status, status_of


def begun(run_dir: Path, total_steps: int = 100) -> Path:
    run_dir.mkdir(exist_ok=True)
    (run_dir / "config.yaml").write_text(f"total_steps: {total_steps}\n")
    return run_dir


def saved(run_dir: Path, step: int, score: float | None = None) -> None:
    checkpoint.save(run_dir, step, {"network.pt": lambda path: path.write_bytes(b"")}, 3, score)


def test_the_states_of_a_run(tmp_path: Path) -> None:
    assert status_of(tmp_path / "not_there") == Status("waiting")
    run = begun(tmp_path / "run")
    with owned(run, "run_dir"):
        assert status_of(run) == Status("running")
        saved(run, 40, 7.0)
        rows = [{"step": 40}, {"step": 63, "loss": 0.1}]
        (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{")
        assert status_of(run) == Status("running", 63, 7.0)
    assert status_of(run) == Status("paused", 40, 7.0)
    pruned.prune(run)
    assert status_of(run) == Status("pruned", 40, 7.0)
    pruned.forget(run)
    (run / OWNER).write_text("process 1 on a machine that lost power")
    assert status_of(run) == Status("killed", 40, 7.0)
    saved(run, 100)
    assert status_of(run) == Status("killed", 100, 7.0), "its last evaluation is still to come"
    saved(run, 100, 9.0)
    assert status_of(run) == Status("finished", 100, 9.0)


def test_a_failure_is_remembered_and_forgotten(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    saved(run, 40)
    errors: tuple[TrainingError | ConfigError, ...] = (
        TrainingError("the loss\nbecame nan"),
        ConfigError("seed=-1: no"),
    )
    for code, error in enumerate(errors, start=1):
        failure.remember(run, error, ["seed=1"])
        told = " ".join(str(error).split())
        assert status_of(run) == Status("failed", 40, None, told)
        noted = failure.failure_of(run)
        assert noted is not None
        assert (noted.exit_code, noted.overrides) == (code, ["seed=1"])
        assert type(noted.again()) is type(error)
        assert str(noted.again()).startswith(told)
    failure.forget(run)
    assert status_of(run).name == "paused"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("failed.json", b"{"),
        ("failed.json", b'{"error": "a", "exit_code": 99, "overrides": []}'),
        ("metrics.jsonl", b"\xff\n[\n"),
        ("config.yaml", b"[" * 100_000),
        ("config.yaml", b"\xff\xfe"),
        ("config.yaml", b"- a list"),
        ("lock", b"anything"),
        ("checkpoints/0000000100/checkpoint.json", b'{"step": 3}'),
    ],
)
def test_a_damaged_directory_has_a_status_too(file: str, content: bytes, tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    saved(run, 100, 1.0)
    (run / file).write_bytes(content)
    assert status_of(run).name in ("finished", "paused")


def test_looking_never_keeps_a_run_out(tmp_path: Path) -> None:
    begun(tmp_path)
    over = threading.Event()
    seen = set()

    def look() -> None:
        while not over.is_set():
            seen.add(in_use(tmp_path))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(100):
            with owned(tmp_path, "run_dir"):
                pass
    finally:
        over.set()
        looker.join()
    assert seen == {True, False}


@pytest.mark.parametrize("rows", ["\n", "{}\n\n", '{"step": 5}\n\n', "", "[1]\n"])
def test_metrics_without_a_last_row_tell_no_step(rows: str, tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    with owned(run, "run_dir"):
        (run / "metrics.jsonl").write_text(rows)
        assert status_of(run) == Status("running", 0, None)
