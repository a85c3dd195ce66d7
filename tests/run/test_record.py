"""Episode statistics against sums kept by hand."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dqn_experiments.errors import StateError
from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.run.film import evaluation_film
from dqn_experiments.run.lines import Lines
from dqn_experiments.run.record import Episode, Record, film_of, rows_of, tell_again
from dqn_experiments.run.score import Evaluation, Score
from dqn_experiments.train.statistics import EpisodeStatistics


def timestep(score: list[float], done: list[bool]) -> Timestep:
    frame = np.zeros((len(score), 1), np.uint8)
    points = np.array(score, np.float32)
    ended = np.array(done)
    return Timestep(frame, np.sign(points), points, ended, ended, frame)


def test_episodes_of_several_environments_do_not_mix() -> None:
    statistics = EpisodeStatistics(2)
    nan = np.nan
    script = [  # scores, done, greedy values, losses of the updates made before the step
        ([4.0, 1.0], [False, False], [nan, 1.0], []),
        ([0.0, 1.0], [False, True], [2.0, 3.0], [0.5]),
        ([7.0, 5.0], [True, False], [4.0, nan], [0.1, 0.3]),
        ([0.0, 5.0], [False, True], [nan, nan], []),
    ]
    rows: list[Episode] = []
    total, updates = 0.0, 0
    for step, (score, done, value, losses) in enumerate(script, start=1):
        total, updates = total + sum(losses), updates + len(losses)
        values = np.array(value, np.float32)
        so_far = partial(np.array, [total, updates])
        rows += statistics.add(2 * step, 0.5, values, timestep(score, done), so_far)
    first, second, third = rows
    assert (first.step, first.episode_return, first.episode_length) == (4, 2.0, 2)
    assert (first.loss, first.q) == (0.5, 2.0)
    assert (second.step, second.episode_return, second.episode_length) == (6, 11.0, 3)
    assert second.loss == pytest.approx(0.3)
    assert second.q == 3.0
    assert (third.step, third.episode_return, third.episode_length) == (8, 10.0, 2)
    assert third.loss == pytest.approx(0.2)
    assert np.isnan(third.q)


def test_lines_that_cannot_be_written_now_are_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines(tmp_path / "file")
    lines.add("one\n")
    file = lines._file

    class Full:
        """A disk with room for two bytes."""

        room = 2

        def write(self, content: bytes) -> int:
            if not self.room:
                raise OSError(28, "No space left on device")
            written = file.write(content[: self.room])
            self.room -= written
            return written

        def __getattr__(self, name: str) -> object:
            return getattr(file, name)

    monkeypatch.setattr(lines, "_file", Full())
    lines.add("two\n")
    lines.add("three\n")
    with pytest.raises(OSError, match="No space left"):
        lines.sync()
    monkeypatch.setattr(lines, "_file", file)
    assert lines.sync() == len("one\ntwo\nthree\n")
    assert lines.read() == "one\ntwo\nthree\n"


def test_files_that_lost_what_a_checkpoint_knows_are_refused(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "file")
    lines.add("one\n")
    for size in (5, -1, 10**12):
        with pytest.raises(StateError, match="must have the"):
            lines.cut(size)
    lines.cut(2)
    lines.add("!\n")
    assert lines.read() == "on!\n"


def test_metrics_that_are_no_rows_are_refused() -> None:
    assert rows_of('{"a": 1}\n{}\n') == [{"a": 1}, {}]
    for lines in ("5", "[1]\n{}", '"a"', "{", "[" * 100_000):
        with pytest.raises(StateError, match=r"metrics\.jsonl: must be lines of json"):
            rows_of(lines)


class Summary:
    """A tracker that sets figures as W&B does: by rows, and by what describes the whole run."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}

    def log(self, metrics: Mapping[str, float], number: int) -> None:
        self.figures.update(metrics)

    def summarise(self, values: Mapping[str, Any]) -> None:
        self.figures.update(values)

    def checkpoint(self, files: list[Path], aliases: list[str]) -> None: ...

    def close(self, exit_code: int) -> None: ...


def pong_after(step: int, max_frames: int, cut: bool) -> Evaluation:
    played = [PlayedEpisode(-21.0, 100, cut)]
    score = Score.of(played, "pong", 4, max_frames)
    return Evaluation(step, "pong", 1, 0.05, 0, max_frames, [-21.0], [100], score)


def test_a_summary_has_no_figure_of_an_earlier_evaluation(tmp_path: Path) -> None:
    """One that was cut early is not held against humans."""
    first, again = Summary(), Summary()
    record = Record(tmp_path, first, 4)
    record.start()
    record.evaluation(pong_after(10, 108_000, cut=False))
    assert first.figures["evaluation/human_normalized"] < 0
    record.evaluation(pong_after(20, 400, cut=True))
    assert first.figures["evaluation/human_normalized"] is None
    assert first.figures["evaluation/step"] == 20
    state = record.state_dict()
    record.close(0)
    record = Record(tmp_path, again, 4)
    record.load_state_dict(state)
    record.close(0)
    assert again.figures == first.figures


def test_only_a_film_of_the_run_itself_is_sent(tmp_path: Path) -> None:
    film = evaluation_film(tmp_path, 7)
    film.parent.mkdir()
    row = {"step": 7, "evaluation/step": 7}
    assert film_of(tmp_path, row) is None
    film.write_bytes(b"")
    assert film_of(tmp_path, row) == film
    assert film_of(tmp_path, {"step": 7}) is None
    assert film_of(tmp_path, {"evaluation/step": "7"}) is None
    film.rename(tmp_path / "secret")
    film.symlink_to(tmp_path / "secret")
    assert film_of(tmp_path, row) is None


def test_a_film_that_the_tracker_does_not_take_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Tracker:
        """Has no place for films."""

        rows: list[int] = []  # noqa: RUF012

        def film(self, path: Path, number: int | None) -> None:
            raise OSError(28, "No space left on device")

        def log(self, metrics: Any, number: int) -> None:
            self.rows.append(number)

        def close(self, exit_code: int) -> None:
            pass

    film = evaluation_film(tmp_path, 7)
    film.parent.mkdir()
    film.write_bytes(b"")
    tracker: Any = Tracker()
    record = Record(tmp_path, tracker, 1)
    record.start()
    for _ in range(2):
        record.metrics(7, {"evaluation/step": 7})
    record.close(0)
    assert tracker.rows == [0, 1]
    assert f"the tracker does not take {film}" in caplog.text


def test_half_a_line_is_not_told_again(tmp_path: Path) -> None:
    """As a run may be writing it, or have died over it."""
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"st')
    rows: list[Any] = []
    tracker: Any = SimpleNamespace(log=lambda row, number: rows.append((number, row)))
    tell_again(tmp_path, tracker)
    assert rows == [(0, {"step": 1}), (1, {"step": 2})]
