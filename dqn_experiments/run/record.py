"""What a run leaves for people to read: history.csv, metrics.jsonl, and the same to the tracker."""

import json
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dqn_experiments.errors import StateError
from dqn_experiments.experience.contract import Tracker
from dqn_experiments.run.files import HISTORY, METRICS
from dqn_experiments.run.film import evaluation_film
from dqn_experiments.run.lines import Lines
from dqn_experiments.run.score import NORMALIZED, Evaluation, summary
from dqn_experiments.state import State, plain

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Episode:
    """One row of history.csv."""

    step: int
    """Agent steps of the run when the episode ended."""
    episode_return: float
    """Sum of raw rewards: the game's score."""
    episode_length: int
    """Agent steps of the episode."""
    epsilon: float
    """At the episode's end."""
    loss: float
    """Mean over the updates made during the episode; NaN if there were none."""
    q: float
    """Mean value of the episode's greedy actions; NaN if there were none."""


class Record:
    """Writes each number to its file in the run directory and sends it to the tracker.

    A tracker that fails is done without.
    """

    def __init__(self, run_dir: Path, tracker: Tracker | None, frames_per_step: int) -> None:
        self._run_dir, self._tracker = run_dir, tracker
        self._frames_per_step = frames_per_step
        self._history = Lines(run_dir / HISTORY)
        self._metrics = Lines(run_dir / METRICS)
        self._rows = 0  # of metrics.jsonl

    def start(self) -> None:
        """Begin with empty files."""
        if self._history.size():
            log.warning("there is no checkpoint to go on from; history.csv begins anew")
        self.load_state_dict({"history": 0, "metrics": 0})
        self._history.add(",".join(field.name for field in fields(Episode)) + "\n")

    def state_dict(self) -> State:
        """How long the files are."""
        return {"history": self._history.sync(), "metrics": self._metrics.sync()}

    def load_state_dict(self, state: State) -> None:
        """Cut the files back to what they were, and let the tracker know all that is left."""
        history, metrics = plain(state, "history", int), plain(state, "metrics", int)
        self._history.cut(history)
        self._metrics.cut(metrics)
        self._rows = 0
        rows = rows_of(self._metrics.read())
        for row in rows:  # what died may not have written them out
            self._track(row)
        scores = [row for row in rows if "evaluation/step" in row]
        if any(NORMALIZED in row for row in scores) and NORMALIZED not in scores[-1]:
            self._send("summarise", summary(scores[-1]))

    def episode(self, episode: Episode) -> None:
        """Record one episode of training."""
        row = asdict(episode)
        self._history.add(",".join(map(str, row.values())) + "\n")
        step = row.pop("step")
        self.metrics(step, {f"train/{key}": value for key, value in row.items()})

    def metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record numbers that hold after `step` agent steps; NaN (no data) is left out."""
        known = {key: value for key, value in metrics.items() if not math.isnan(value)}
        row = {"frames": step * self._frames_per_step, "step": step, **known}
        self._metrics.add(json.dumps(row) + "\n")
        self._track(row)

    def evaluation(self, evaluation: Evaluation) -> None:
        """Record a score, and make it the tracker's figure for the run; a film of it is there."""
        self.metrics(evaluation.step, evaluation.metrics())
        self._send("summarise", evaluation.summary())

    def checkpoint(self, files: list[Path], aliases: list[str]) -> None:
        """Send a checkpoint to the tracker."""
        self._send("checkpoint", files, aliases)

    def close(self, exit_code: int) -> None:
        """Close the files and the tracker."""
        self._history.close()
        self._metrics.close()
        self._send("close", exit_code)

    def _track(self, row: Mapping[str, float]) -> None:
        if self._tracker is not None:
            send_film(self._tracker, film_of(self._run_dir, row), self._rows)
        self._send("log", row, self._rows)
        self._rows += 1

    def _send(self, call: str, *arguments: Any) -> None:
        tracker = self._tracker
        if tracker is None:
            return
        try:
            getattr(tracker, call)(*arguments)
        except Exception as error:  # whatever a tracker dies of, the run need not
            log.warning(f"the tracker failed ({error!r}); the run goes on without it")
            self._tracker = None
            if call != "close":
                with suppress(Exception):
                    tracker.close(1)


def rows_of(lines: str) -> list[dict[str, float]]:
    """The rows of metrics.jsonl; raises StateError."""
    try:
        rows = [json.loads(line) for line in lines.splitlines()]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("one is no object")
        return rows
    except (ValueError, RecursionError) as error:
        raise StateError(f"{METRICS}: must be lines of json: {error}") from error


def tell_again(run_dir: Path, tracker: Tracker) -> None:
    """Send a tracker all that the run has sent so far.

    A run of W&B that is opened offline for a second time gets a second file, and `wandb sync` lets
    the file that it meets last replace all curves of the others: so each file has them all.
    """
    whole_lines, _, _ = (run_dir / METRICS).read_text("utf-8").rpartition("\n")
    for number, row in enumerate(rows_of(whole_lines)):
        send_film(tracker, film_of(run_dir, row), number)
        tracker.log(row, number)


def film_of(run_dir: Path, row: Mapping[str, Any]) -> Path | None:
    """The film of the evaluation that a row of metrics.jsonl tells of, if there is one."""
    step = row.get("evaluation/step")
    if not isinstance(step, int):
        return None
    film = evaluation_film(run_dir, step)
    return film if film.is_file() and not film.is_symlink() else None  # of anyone's file


def send_film(tracker: Tracker, film: Path | None, number: int | None) -> None:
    """Send a film, if there is one, to a tracker that takes films; one that fails is done without.

    It belongs to the row of that number, which follows, or to the run's summary.
    """
    send = getattr(tracker, "film", None)
    if film is None or send is None:
        return
    try:
        send(film, number)
    except Exception as error:  # of whatever the tracker depends on
        log.warning(f"the tracker does not take {film} ({error!r}); all else goes on")
