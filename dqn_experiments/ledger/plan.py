"""What a sweep was asked for: the jobs of the command that began it last, and where they lie."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from hydra.errors import HydraException
from pydantic import BaseModel, ConfigDict, Field

from dqn_experiments.errors import ConfigError
from dqn_experiments.ledger.naming import hash_of, job_name
from dqn_experiments.machine.files import replace_text

PLAN = "sweep.json"
OVERRIDES = ".hydra/overrides.yaml"
"""What a run keeps of the command that began it."""


class Job(BaseModel):
    """A job that was asked for."""

    model_config = ConfigDict(extra="forbid")
    directory: Annotated[str, Field(pattern=r"^[^/\\.][^/\\]*$")]
    overrides: list[str]


class Plan(BaseModel):
    """The content of sweep.json."""

    model_config = ConfigDict(extra="forbid")
    swept: list[str] = []
    """The keys that have more than one value, or are searched."""
    at_once: Annotated[int, Field(ge=1)] = 1
    """How many jobs share the machine."""
    minimized: bool = False
    """Whether the lowest score is the best."""
    jobs: list[Job] = []
    """None of them where a sweeper decides on the way."""


def read_plan(sweep_dir: Path) -> Plan:
    """The plan of a sweep; an empty one if it has none, as one of version 0.2.0.

    Raises:
        ConfigError: if it cannot be read.
    """
    file = sweep_dir / PLAN
    try:
        return Plan.model_validate_json(file.read_text("utf-8"))
    except FileNotFoundError:
        return Plan()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: must be the plan of a sweep, as a sweep writes it") from error


def write_plan(
    sweep_dir: Path,
    jobs: Iterable[Sequence[str]],
    swept: Sequence[str],
    at_once: int,
    minimized: bool = False,
) -> None:
    """Leave the plan in the directory of the sweep; raises OSError."""
    placed = [
        Job(directory=directory_of(sweep_dir, overrides, swept), overrides=list(overrides))
        for overrides in jobs
    ]
    plan = Plan(swept=list(swept), at_once=at_once, minimized=minimized, jobs=placed)
    sweep_dir.mkdir(parents=True, exist_ok=True)
    replace_text(sweep_dir / PLAN, plan.model_dump_json(indent=1) + "\n")


def directory_of(sweep_dir: Path, overrides: Sequence[str], swept: Sequence[str]) -> str:
    """The name of a job's directory: by what it overrides, or what it is called already."""
    name = _named(tuple(overrides), tuple(swept))
    ending = hash_of(name)
    known = next(sweep_dir.glob(f"*{ending}"), None) if ending else None
    return known.name if known else _numbered(sweep_dir, tuple(swept)).get(name, name)


@cache  # it takes milliseconds, and a search adds to its plan again and again
def _named(overrides: tuple[str, ...], swept: tuple[str, ...]) -> str:
    return job_name(overrides, swept)


@cache
def _numbered(sweep_dir: Path, swept: tuple[str, ...]) -> dict[str, str]:
    """The jobs of a sweep of version 0.2.0, which numbered them, by what they are named now."""
    numbers = sorted(path.name for path in sweep_dir.glob("[0-9]*") if path.name.isdecimal())
    known = {number: begun_with(sweep_dir / number) for number in numbers}
    return {job_name(known[number] or (), swept): number for number in numbers if known[number]}


def begun_with(run_dir: Path) -> list[str] | None:
    """The overrides of the command that began a run; None if nobody knows."""
    try:
        kept = yaml.safe_load((run_dir / OVERRIDES).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
    if not isinstance(kept, list) or not all(isinstance(each, str) for each in kept):
        return None
    try:
        job_name(kept)
    except (HydraException, ValueError):
        return None
    return kept
