"""The jobs of a sweep side by side: what tells them apart, how each is doing, how seeds compare."""

import csv
import io
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.errors import HydraException

from dqn_experiments.errors import ConfigError
from dqn_experiments.ledger.naming import what_is_overridden
from dqn_experiments.ledger.plan import PLAN, begun_with, read_plan
from dqn_experiments.run.config_file import CONFIG
from dqn_experiments.run.failure import FAILURE, failure_of
from dqn_experiments.run.status import Status, status_of

SEED = "seed"
GAME = ("env", "env.rom", "env.id")
"""Keys whose values have scores of their own."""

CSV = "sweep.csv"


@dataclass(frozen=True)
class Row:
    """A job."""

    job: str
    """The name of its directory."""
    differs: dict[str, str]
    """Of its overrides those that not all jobs of the sweep have."""
    status: Status
    asked: bool
    """Whether the command that began the sweep last asks for it; else it is of an earlier one."""

    @property
    def but_for_the_seed(self) -> tuple[tuple[str, str], ...]:
        """What it shares with the jobs that differ from it by their seed alone."""
        return tuple((key, value) for key, value in self.differs.items() if key != SEED)


@dataclass(frozen=True)
class Group:
    """Finished jobs of the last command that differ by their seed alone."""

    differs: tuple[tuple[str, str], ...]
    scores: list[float]

    @property
    def mean(self) -> float:
        """Of the scores."""
        return statistics.fmean(self.scores)

    @property
    def std(self) -> float | None:
        """The sample's standard deviation; None of a single score."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None


def rows_of_sweep(sweep_dir: Path) -> list[Row]:
    """Every job that was asked for or lies there, the former first.

    Raises:
        ConfigError: if the folder is not that of a sweep.
    """
    if not sweep_dir.is_dir():
        raise ConfigError(f"{sweep_dir}: must be the directory of a sweep; there is none")
    plan = read_plan(sweep_dir)
    overrides = {job.directory: job.overrides for job in plan.jobs}
    asked = set(overrides)
    for run_dir in sorted(sweep_dir.iterdir(), key=_by_number):
        if run_dir.name not in asked and _is_a_job(run_dir):
            overrides[run_dir.name] = _overrides(run_dir)
    if not overrides:
        told = f"must be the directory of a sweep; it has no {PLAN} with jobs, and no runs in it"
        raise ConfigError(f"{sweep_dir}: {told}")
    parts = {job: _parts(each, plan.swept) for job, each in overrides.items()}
    differing = _differing(list(parts.values()))
    return [
        Row(
            job,
            {key: value for key, value in parts[job].items() if key in differing},
            status_of(sweep_dir / job),
            asked=not asked or job in asked,
        )
        for job in overrides
    ]


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.name) if path.name.isdecimal() else 0, path.name)


def _is_a_job(run_dir: Path) -> bool:
    if run_dir.name.startswith("."):  # .hydra/ of a run that lies here
        return False
    return (run_dir / CONFIG).is_file() or (run_dir / FAILURE).is_file()


def _overrides(run_dir: Path) -> list[str]:
    failure = failure_of(run_dir)
    return begun_with(run_dir) or (failure.overrides if failure else [])


def _parts(overrides: Sequence[str], swept: Sequence[str]) -> dict[str, str]:
    try:
        return what_is_overridden(overrides, swept)
    except (HydraException, ValueError):  # of whatever somebody wrote into a file
        return {}


def _differing(parts: Sequence[dict[str, str]]) -> set[str]:
    """The keys that do not have one value in all jobs."""
    shared = set.intersection(*(set(each.items()) for each in parts))
    return {key for each in parts for key, _ in each.items() - shared}


def groups(rows: Sequence[Row]) -> list[Group]:
    """The finished jobs of the last command by what they are but for their seed, in their order."""
    scores: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for row in rows:
        if row.asked and row.status.name == "finished" and row.status.score is not None:
            scores.setdefault(row.but_for_the_seed, []).append(row.status.score)
    return [Group(differs, of_one) for differs, of_one in scores.items()]


def best(rows: Sequence[Row], minimized: bool = False) -> Group | None:
    """The group of the highest mean, or the lowest; None while no job is finished, or of several
    games."""
    games = {tuple(row.differs.get(key) for key in GAME) for row in rows if row.asked}
    if len(games) > 1:
        return None
    sign = -1 if minimized else 1
    return max(groups(rows), key=lambda group: sign * group.mean, default=None)


def counted(rows: Sequence[Row]) -> str:
    """How many jobs there are of the last command, and how they are doing, in one line."""
    asked = [row for row in rows if row.asked]
    count = Counter(row.status.name for row in asked)
    jobs = "1 job" if len(asked) == 1 else f"{len(asked):,} jobs"
    others = f"; {len(rows) - len(asked):,} more of earlier commands" * (len(rows) > len(asked))
    return f"{jobs}: {', '.join(f'{count[name]:,} {name}' for name in sorted(count))}{others}"


def failed(rows: Sequence[Row]) -> list[Row]:
    """The jobs of the last command that failed."""
    return [row for row in rows if row.asked and row.status.name == "failed"]


def as_csv(rows: Sequence[Row]) -> str:
    """A line for every job; mean, std and seeds are those of its group."""
    keys = list(dict.fromkeys(key for row in rows for key in row.differs))
    of = {group.differs: group for group in groups(rows)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    figures = ["status", "step", "score", "seeds", "mean", "std", "failure"]
    writer.writerow(["job", *keys, *figures])
    for row in rows:
        group = of.get(row.but_for_the_seed) if row.asked else None
        status = row.status
        spread = [len(group.scores), group.mean, group.std] if group else [0, None, None]
        told = [status.name, status.step, status.score, *spread, status.reason]
        writer.writerow([row.job, *(row.differs.get(key) for key in keys), *told])
    return text.getvalue()
