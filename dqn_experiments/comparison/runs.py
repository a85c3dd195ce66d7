"""The runs below some folders, each read as data from its directory alone."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.comparison.score import LARGEST, RunScore, is_number, run_score
from dqn_experiments.config.stored_form import COMMIT, OPTION, TARGET, as_of_today
from dqn_experiments.config.wording import printable
from dqn_experiments.errors import ConfigError
from dqn_experiments.run.config_file import CONFIG, read_config
from dqn_experiments.run.files import EVALUATION, HISTORY, METRICS
from dqn_experiments.run.history import read_history

OF_A_RUN = ("checkpoints", "videos", "wandb")
"""Folders in which no other run lies."""
WANTED = (b'"evaluation/step"', b'"perf/steps_per_second"')
"""Of metrics.jsonl, all else is in history.csv."""

MOST_FRAMES = 10**6  # of a step; nobody skips so many
DIGITS = 10  # of a commit
COMMITTED = re.compile(r"[0-9a-f]{10,40}(-dirty)?")

Floats = NDArray[np.float64]
Plain = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What a run directory says."""

    path: Path
    config: Plain
    game: str
    seed: int
    steps: Floats
    """Agent steps f64 [episodes] after which training episodes ended."""
    returns: Floats
    """Their raw scores f64 [episodes]."""
    frames_per_step: int
    """Emulator frames; 1 where there is no emulator."""
    step: int
    """How far it is known to have come."""
    rates: Floats
    """f64 [rows, 2]: a step, and the steps per second since the row before."""
    score: RunScore | None
    commit: str | None
    gaps: tuple[str, ...]
    """What it lacks or what of it cannot be read, in words."""

    @property
    def total_steps(self) -> int | None:
        """How far it is to go."""
        return _whole(self.config.get("total_steps"))

    def hours(self, steps: Floats) -> Floats:
        """Hours of training after `steps`, f64 of the same shape; NaN if no row of rates tells."""
        if not len(self.rates):
            return np.full_like(steps, np.nan)
        ends, rates = self.rates.T
        spent = np.concatenate([[0.0], np.cumsum(np.diff(ends, prepend=0) / rates)])
        inside = np.interp(steps, np.concatenate([[0.0], ends]), spent)
        return (inside + np.maximum(steps - ends[-1], 0) / rates[-1]) / 3600


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """The run directories that some folders are or hold, sorted, each once.

    Raises:
        ConfigError: if a folder is not there.
    """
    found = set[Path]()
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: must be a run directory or a folder with some in it")
        found.update(path.resolve() for path in _below(folder))
    return sorted(found)


def _below(folder: Path) -> Iterator[Path]:
    """What looks like the directory of a run; links are not followed further down."""
    for place, folders, files in os.walk(folder):
        if HISTORY in files or _is_run_config(Path(place, CONFIG), files):
            folders[:] = [name for name in folders if name not in OF_A_RUN]
            yield Path(place)
        folders[:] = [name for name in folders if not name.startswith(".")]


def _is_run_config(file: Path, files: Sequence[str]) -> bool:
    """Whether it is a run's, and not one of the many others of that name."""
    if CONFIG not in files:
        return False
    try:
        return file.is_file() and file.open("rb").read(8) == b"version:"
    except OSError:
        return False


def read_run(run_dir: Path) -> Run:
    """A run, finished or under way, from whichever machine.

    Raises:
        ConfigError: one line that says why it cannot be compared with others.
    """
    try:
        stored = read_config(run_dir)
        config = as_of_today(stored)
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix(f"run={run_dir}: ")) from error
    gaps: list[str] = []
    steps, returns = _episodes(run_dir, gaps)
    rows = _metrics(run_dir, gaps)
    env = config["env"] if isinstance(config["env"], dict) else {}
    game = env.get("rom") or env.get("id") or env.get(TARGET) or env.get(OPTION)
    game = printable(str(game))
    rates = [
        (row["step"], row["perf/steps_per_second"])
        for row in rows
        if is_number(row.get("perf/steps_per_second"))
    ]
    rising = np.array([(step, rate) for step, rate in rates if rate > 0 < step], float)
    seen = [row["step"] for row in rows]
    score = run_score(config, game, steps, returns, rows, _evaluation(run_dir))
    if score is None and not gaps:
        gaps.append("no episode has ended yet")
    return Run(
        path=run_dir,
        config=config,
        game=game,
        seed=_whole(config.get("seed")) or 0,
        steps=steps,
        returns=returns,
        frames_per_step=max(1, min(_whole(env.get("frame_skip")) or 1, MOST_FRAMES)),
        step=int(max([0, *seen, *steps[-1:]])),
        rates=_increasing(rising.reshape(-1, 2)),
        score=score,
        commit=_commit(stored, run_dir),
        gaps=tuple(map(printable, gaps)),
    )


def _episodes(run_dir: Path, gaps: list[str]) -> tuple[Floats, Floats]:
    """Steps and returns of training, in the order of steps; what cannot be is left out."""
    try:
        history = read_history(run_dir, ("step", "episode_return"))
    except ConfigError as error:
        gaps.append(_without(run_dir, str(error)))
        return np.zeros(0), np.zeros(0)
    steps, returns = history.values()
    fine = (np.abs(returns) < LARGEST) & (steps >= 0) & (steps < LARGEST)  # and no NaN
    if not fine.all():
        gaps.append(f"{HISTORY}: {np.sum(~fine):,} rows have no step or no return")
    order = np.argsort(steps[fine], kind="stable")
    return steps[fine][order], returns[fine][order]


def _metrics(run_dir: Path, gaps: list[str]) -> list[Plain]:
    """Evaluations and speeds, in the order of steps; a line without an end is being written."""
    rows, unreadable = list[Plain](), 0
    file = run_dir / METRICS
    try:
        text = file.read_bytes() if file.is_file() else b""
    except OSError as error:
        gaps.append(f"{METRICS}: cannot be read ({error.strerror})")
        return []
    for line in (line for name in WANTED for line in _lines_with(name, text)):
        row = _object(line)
        if row is not None and is_number(row.get("step")):
            rows.append(row)
        else:
            unreadable += 1
    if unreadable:
        gaps.append(f"{METRICS}: {unreadable:,} lines cannot be read")
    return sorted(rows, key=lambda row: row["step"])


def _lines_with(name: bytes, text: bytes) -> Iterator[bytes]:
    """The whole lines that have a name in them: a few out of very many."""
    at = text.find(name)
    while at >= 0:
        end = text.find(b"\n", at)
        if end < 0:
            return
        yield text[text.rfind(b"\n", 0, at) + 1 : end]
        at = text.find(name, end)


def _evaluation(run_dir: Path) -> Plain | None:
    """What the last evaluation left, if anything that can be read."""
    file = run_dir / EVALUATION
    try:
        return _object(file.read_bytes()) if file.is_file() else None
    except OSError:
        return None


def _commit(stored: Plain, run_dir: Path) -> str | None:
    """The git commit of the code, as the run noted it, or W&B."""
    noted = stored.get(COMMIT)
    if isinstance(noted, str) and COMMITTED.fullmatch(noted):
        return noted
    for file in sorted(run_dir.glob("wandb/*run-*/files/wandb-metadata.json"), reverse=True):
        try:
            git = (_object(file.read_bytes()) or {}).get("git") if file.is_file() else None
        except OSError:
            continue
        commit = git.get("commit") if isinstance(git, dict) else None
        if isinstance(commit, str) and COMMITTED.fullmatch(commit[:DIGITS]):
            return commit[:DIGITS]
    return None


def _increasing(rates: Floats) -> Floats:
    """Rows whose step is above that of all before."""
    before = np.concatenate([[0.0], np.maximum.accumulate(rates[:, 0])[:-1]])[: len(rates)]
    return rates[rates[:, 0] > before]


def _object(text: bytes) -> Plain | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _without(run_dir: Path, told: str) -> str:
    """A line about a file of a run, without the folder."""
    return told.replace(f"{run_dir}{os.sep}", "")
