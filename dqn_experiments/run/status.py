"""How a run is doing, from its directory alone, whoever runs it and wherever."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dqn_experiments.errors import StateError
from dqn_experiments.run import checkpoint
from dqn_experiments.run.checkpoint import Checkpoint
from dqn_experiments.run.config_file import CONFIG
from dqn_experiments.run.failure import failure_of
from dqn_experiments.run.files import METRICS
from dqn_experiments.run.ownership import in_use, was_left
from dqn_experiments.run.pruned import is_pruned
from dqn_experiments.run.record import rows_of

TAIL = 4_096  # bytes of metrics.jsonl that hold its last row
LARGEST = 100_000  # bytes of a config that are read
TOTAL_STEPS = re.compile(rb"^total_steps: (\d{1,18})\r?$", re.MULTILINE)
"""As every config has it that a run stores; a thousand of them would take long to read as yaml."""

Name = Literal["finished", "running", "paused", "pruned", "killed", "failed", "waiting"]


@dataclass(frozen=True)
class Status:
    """How a run is doing.

    `paused` is a run that ended in good order before its last step, by `pause_after` or a signal,
    `pruned` one whose search ended without going on with it; `killed` one that did not come to
    that. All of them can go on. `waiting` is one that was not begun.
    """

    name: Name
    step: int = 0
    """Agent steps done; of a run that is not running those that it goes on from."""
    score: float | None = None
    """Mean return of its newest evaluation that a checkpoint knows of."""
    reason: str | None = None
    """Why it failed."""


def status_of(run_dir: Path) -> Status:
    """The status of the run in a directory, which may be missing; changes nothing there."""
    found = checkpoint.available(run_dir)
    step = max((each.step for each in found), default=0)
    score = next((each.score for each in reversed(found) if each.score is not None), None)
    if in_use(run_dir):
        return Status("running", max(step, _newest_step(run_dir)), score)
    failure = failure_of(run_dir)
    if failure:
        return Status("failed", step, score, failure.error)
    if _is_finished(run_dir, found):
        return Status("finished", step, score)
    if not (run_dir / CONFIG).is_file():
        return Status("waiting")
    if was_left(run_dir):
        return Status("killed", step, score)
    return Status("pruned" if is_pruned(run_dir) else "paused", step, score)


def _is_finished(run_dir: Path, found: list[Checkpoint]) -> bool:
    """Whether the last checkpoint is of the last step, and scored."""
    if not found or found[-1].score is None:
        return False
    try:
        with (run_dir / CONFIG).open("rb") as file:
            total = TOTAL_STEPS.search(file.read(LARGEST))
    except OSError:
        return False
    return total is not None and found[-1].step >= int(total[1])


def _newest_step(run_dir: Path) -> int:
    """Of the last row of its metrics."""
    try:
        with (run_dir / METRICS).open("rb") as file:
            file.seek(-min(TAIL, file.seek(0, os.SEEK_END)), os.SEEK_END)
            *lines, _ = file.read().decode(errors="replace").split("\n")  # it may be half a line
        rows = rows_of(lines[-1]) if lines else []
        step = rows[-1].get("step") if rows else 0
    except (OSError, StateError):
        return 0
    return step if isinstance(step, int) else 0
