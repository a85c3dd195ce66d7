"""What is done between the steps of a run: pauses, saves, scores, and the ends it can come to."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from dqn_experiments.buffer.uniform import UniformReplay
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import TrainingError
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine.interrupt import Interrupt
from dqn_experiments.run import checkpoint
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.session import Session
from dqn_experiments.train.start import train
from tests.conftest import QUICK_CARTPOLE, Told

SILENT = (*QUICK_CARTPOLE, "tracker.mode=disabled")
ANNEALED = ("optimizer=adamw", "optimizer/lr_factor=linear", "optimizer.max_grad_norm=0.5")


def run_in(folder: Path, *overrides: str) -> Any:
    folder.mkdir(exist_ok=True)
    return train(composed(*SILENT, *overrides), folder)


def weights(run_dir: Path) -> list[torch.Tensor]:
    return list(checkpoint.find(run_dir, "latest").weights().values())


@pytest.mark.parametrize("overrides", [(), ANNEALED], ids=["plain", "annealed"])
def test_a_paused_run_goes_on_to_the_same_end(overrides: tuple[str, ...], tmp_path: Path) -> None:
    """Steps count from each start, so the same command goes on."""
    whole = run_in(tmp_path / "whole", *overrides)
    assert (whole.status, whole.step) == ("finished", 600)
    assert whole.score == checkpoint.find(tmp_path / "whole", "latest").score
    paused = [run_in(tmp_path / "parts", "pause_after=250", *overrides) for _ in range(4)]
    assert [(each.status, each.step) for each in paused] == [
        ("paused", 250),
        ("paused", 500),
        ("finished", 600),
        ("finished", 600),
    ]
    assert [each.score for each in paused] == [None, None, whole.score, whole.score]
    histories = [(tmp_path / each / "history.csv").read_text() for each in ("whole", "parts")]
    assert histories[0] == histories[1]
    assert all(map(torch.equal, weights(tmp_path / "whole"), weights(tmp_path / "parts")))


def test_a_run_may_pause_at_a_step_with_a_score(tmp_path: Path) -> None:
    """However many starts it takes, and without a trace in what is learned."""
    whole = run_in(tmp_path / "whole")
    run_in(tmp_path / "parts", "pause_after=110")
    paused = [run_in(tmp_path / "parts", "pause_at=250") for _ in range(2)]
    assert {(each.status, each.step) for each in paused} == {("paused", 250)}
    assert {each.score for each in paused} == {checkpoint.find(tmp_path / "parts", "250").score}
    assert paused[0].score is not None
    assert run_in(tmp_path / "parts", "pause_at=900").score == whole.score
    histories = [(tmp_path / each / "history.csv").read_text() for each in ("whole", "parts")]
    assert histories[0] == histories[1]
    assert all(map(torch.equal, weights(tmp_path / "whole"), weights(tmp_path / "parts")))


def test_a_pause_may_come_after_some_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    began = time.monotonic()
    outcome = run_in(tmp_path / "run", "total_steps=1000000", "pause_after=1s")
    assert 1 <= time.monotonic() - began < 20
    assert outcome.status == "paused"
    assert checkpoint.find(tmp_path / "run", "latest").step == outcome.step
    assert (
        f"paused after {outcome.step:,} of 1,000,000 steps; the same command goes on" in caplog.text
    )


def test_a_pause_knows_the_newest_score(tmp_path: Path) -> None:
    outcome = run_in(tmp_path / "run", "pause_after=400", "evaluation.every=400")
    assert outcome.status == "paused"
    assert outcome.score == checkpoint.find(tmp_path / "run", "400").score
    assert outcome.score is not None


def test_a_paused_command_ends_well(told: Told) -> None:
    for line in ("paused after 350 of 600 steps", "evaluation after 600 steps", "nothing is left"):
        code, out, err = told(*SILENT, "pause_after=350", "hydra.run.dir=run")
        assert (code, err) == (0, "")
        assert line in out


def test_when_a_run_is_saved_changes_nothing_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path / "seldom")
    saves, save = [], checkpoint.save

    def noted(run_dir: Path, step: int, *rest: Any) -> Any:
        saves.append(step)
        return save(run_dir, step, *rest)

    monkeypatch.setattr(checkpoint, "save", noted)
    now = time.monotonic()
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "monotonic", lambda: now + next(ticks) / 4)  # slow machine
    run_in(tmp_path / "often", "checkpoint.every=1m")
    assert len(saves) > 3
    assert len({step % 100 for step in saves}) > 1  # not by steps
    histories = [(tmp_path / each / "history.csv").read_text() for each in ("seldom", "often")]
    assert histories[0] == histories[1]
    assert all(map(torch.equal, weights(tmp_path / "seldom"), weights(tmp_path / "often")))


def test_the_learning_rate_of_a_run_that_goes_on_is_that_of_its_step(tmp_path: Path) -> None:
    run_in(tmp_path, *ANNEALED, "pause_after=300")
    second = Session(composed(*SILENT, *ANNEALED), TrackedRun(tmp_path, {}, "title"), Interrupt())
    with second.closed_at_the_end():
        second.begin(checkpoint.newest_intact(tmp_path))
        groups = second.loop.learner.state_dict()["optimizer"]["param_groups"]
        assert [group["lr"] for group in groups] == [second.config.optimizer.lr * (1 - 300 / 600)]


def failing_saves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    tried: list[int] = []

    def failing(run_dir: Path, step: int, *_: Any) -> Any:
        tried.append(step)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", failing)
    return tried


def test_a_pause_that_cannot_be_saved_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_saves(monkeypatch)
    with pytest.raises(TrainingError, match="step 250 cannot be written"):
        run_in(tmp_path / "run", "pause_after=250")


def test_a_save_by_the_clock_that_fails_is_tried_again_after_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing_saves(monkeypatch)
    now = time.monotonic()
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "monotonic", lambda: now + next(ticks) / 4)
    with pytest.raises(TrainingError, match="step 600 cannot be written"):
        run_in(tmp_path / "run", "checkpoint.every=1m")
    assert 3 < len(tried) < 60


def test_a_signal_during_the_last_save_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = checkpoint.save

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return save(*arguments)

    monkeypatch.setattr(checkpoint, "save", interrupted)
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    with pytest.raises(KeyboardInterrupt):
        run_in(tmp_path / "run")
    signal.signal(signal.SIGINT, former)
    assert checkpoint.find(tmp_path / "run", "latest").score is not None


def test_a_signal_after_an_evaluation_keeps_its_score(tmp_path: Path) -> None:
    """The checkpoint of the same step is not written again without its score."""
    config = composed(*QUICK_CARTPOLE, "tracker.mode=disabled")
    session = Session(config, TrackedRun(tmp_path, {}, "title"), Interrupt())
    with session.closed_at_the_end():
        session.begin(None)
        session.advance()
        session.save(9.0)
        session.save_if_new()
    assert checkpoint.find(tmp_path, "best").score == 9.0


def test_a_loss_that_is_not_finite_stops_the_run(told: Told) -> None:
    diverging = ("optimizer.lr=1e30", "checkpoint.every=100")
    code, _, err = told(*SILENT, *diverging, "hydra.run.dir=run")
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith("error: the loss became ")
    assert "the last good checkpoint is " in last
    assert "checkpoints/0000000100" in last


def test_running_out_of_memory_says_what_to_lower(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add, added = UniformReplay.add, []

    def add_until_full(replay: UniformReplay, action: Any, timestep: Any) -> None:
        added.append(action)
        if len(added) > 150:
            raise MemoryError
        add(replay, action, timestep)

    monkeypatch.setattr(UniformReplay, "add", add_until_full)
    config = composed(*QUICK_CARTPOLE, "tracker.mode=disabled")
    told = "out of memory: .* lower buffer.capacity=20000, which takes .* GB by now; no checkpoint"
    with pytest.raises(TrainingError, match=told):
        train(config, tmp_path)
    assert len((tmp_path / "history.csv").read_text().splitlines()) > 1  # closed, nothing lost


@pytest.mark.parametrize(("steps", "is_told"), [(10_000, True), (400, False)])
def test_a_schedule_that_outlasts_the_run_is_told(
    steps: int, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    config = composed(*SILENT, f"schedule.steps={steps}")
    with caplog.at_level("INFO"):
        assembled(config, torch.device("cpu")).player.close()
    assert ("when the run ends, so most actions are random" in caplog.text) == is_told
