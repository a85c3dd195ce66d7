"""What a run leaves for people to read: history.csv, metrics.jsonl, and the same to the tracker."""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.scoring import Evaluation
from dqn_experiments.state import State, matching, plain
from dqn_experiments.timestep import Timestep

log = logging.getLogger(__name__)


class Tracker(Protocol):
    """Where numbers and checkpoints are sent besides the run directory."""

    def log(self, metrics: Mapping[str, float], number: int) -> None:
        """Send a row of metrics, the first of which has number 0; a number may come again."""

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Set figures that describe the whole run."""

    def checkpoint(self, files: list[Path], aliases: list[str]) -> None:
        """Send a checkpoint's files."""

    def close(self, exit_code: int) -> None:
        """Finish; `exit_code` tells how the run ended."""


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


class EpisodeStatistics:
    """Accumulates the episodes of N running environments."""

    def __init__(self, num_envs: int) -> None:
        self._return = np.zeros(num_envs)
        self._length = np.zeros(num_envs, np.int64)
        self._value = np.zeros(num_envs)
        self._greedy = np.zeros(num_envs, np.int64)
        self._loss_at_start = np.zeros((num_envs, 2))

    def add(
        self,
        step: int,
        epsilon: float,
        value: NDArray[np.float32],
        timestep: Timestep,
        losses: NDArray[np.float64],
    ) -> list[Episode]:
        """Take in one step; returns the episodes that it ended.

        Args:
            step: agent steps of the run so far.
            epsilon: the policy's.
            value: f32 [N], of the greedy actions taken; NaN where the policy explored.
            timestep: what came of the actions.
            losses: f64 [2], sum and number of all losses of the run so far.
        """
        self._return += timestep.score
        self._length += 1
        self._value += np.nan_to_num(value)
        self._greedy += ~np.isnan(value)
        ended = [
            self._row(int(env), step, epsilon, losses) for env in np.flatnonzero(timestep.done)
        ]
        for total in (self._return, self._length, self._value, self._greedy):
            total[timestep.done] = 0
        self._loss_at_start[timestep.done] = losses
        return ended

    def state_dict(self) -> State:
        """What the running episodes have gathered."""
        return {name[1:]: total.copy() for name, total in vars(self).items()}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError."""
        for name, total in vars(self).items():
            total[:] = matching(state, name[1:], total)

    def _row(self, env: int, step: int, epsilon: float, losses: NDArray[np.float64]) -> Episode:
        loss, updates = losses - self._loss_at_start[env]
        return Episode(
            step=step,
            episode_return=float(self._return[env]),
            episode_length=int(self._length[env]),
            epsilon=epsilon,
            loss=loss / updates if updates else np.nan,
            q=self._value[env] / self._greedy[env] if self._greedy[env] else np.nan,
        )


class Lines:
    """A file that lines are added to; what cannot be written now is written with the next line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._path, self._waiting = path, b""

    def add(self, line: str) -> None:
        """Add a line, which brings its own end."""
        failed_before = bool(self._waiting)
        self._waiting += line.encode()
        try:
            self._write()
        except OSError as error:
            if not failed_before:
                log.warning(
                    f"{self._path}: {error.strerror}; kept in memory until it can be written"
                )

    def size(self) -> int:
        """Bytes of all lines that are written."""
        return self._path.stat().st_size

    def read(self) -> str:
        """All lines that are written."""
        return self._path.read_text()

    def sync(self) -> int:
        """Make the lines survive a power cut; returns the bytes of all. Raises OSError."""
        self._write()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def _write(self) -> None:
        while self._waiting:
            self._waiting = self._waiting[self._file.write(self._waiting) or 0 :]

    def cut(self, size: int) -> None:
        """Go back to the first `size` bytes; raises StateError if there are fewer."""
        if not 0 <= size <= self.size():
            raise StateError(f"{self._path}: must have the {size} bytes that a checkpoint knows of")
        self._file.truncate(size)
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Record:
    """Writes each number to its file in the run directory and sends it to the tracker.

    A tracker that fails is done without.
    """

    def __init__(self, run_dir: Path, tracker: Tracker | None, frames_per_step: int) -> None:
        self._tracker = tracker
        self._frames_per_step = frames_per_step
        self._history = Lines(run_dir / "history.csv")
        self._metrics = Lines(run_dir / "metrics.jsonl")
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
        try:
            rows = [json.loads(line) for line in self._metrics.read().splitlines()]
        except (ValueError, RecursionError) as error:
            raise StateError(f"metrics.jsonl: must be lines of json: {error}") from error
        for row in rows:  # a tracker that died may not have written them out
            self._track(row)

    def episode(self, episode: Episode) -> None:
        """Record one episode of training."""
        row = asdict(episode)
        self._history.add(",".join(map(str, row.values())) + "\n")
        step = row.pop("step")
        self.metrics(step, {f"train/{key}": value for key, value in row.items()})

    def metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record numbers that hold after `step` agent steps; NaN (no data) is left out."""
        known = {key: value for key, value in metrics.items() if not np.isnan(value)}
        row = {"frames": step * self._frames_per_step, "step": step, **known}
        self._metrics.add(json.dumps(row) + "\n")
        self._track(row)

    def evaluation(self, evaluation: Evaluation) -> None:
        """Record a score, and make it the tracker's figure for the run."""
        self.metrics(evaluation.step, evaluation.metrics())
        self._send("summarise", evaluation.metrics())

    def checkpoint(self, files: list[Path], aliases: list[str]) -> None:
        """Send a checkpoint to the tracker."""
        self._send("checkpoint", files, aliases)

    def close(self, exit_code: int) -> None:
        """Close the files and the tracker."""
        self._history.close()
        self._metrics.close()
        self._send("close", exit_code)

    def _track(self, row: Mapping[str, float]) -> None:
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
