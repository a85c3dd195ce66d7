"""Why a job of a sweep failed, in its directory: the next command need not find out again."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.machine.files import replace_text

FAILURE = "failed.json"


class Failure(BaseModel):
    """The content of failed.json."""

    model_config = ConfigDict(extra="forbid")
    error: Annotated[str, Field(max_length=10_000)]
    """One line."""
    exit_code: Annotated[int, Field(ge=1, le=2)]
    """Of a command that fails like this: 2 for a config that cannot work, else 1."""
    overrides: list[str]
    """Of the job, as a command line has them."""

    def again(self) -> ConfigError | TrainingError:
        """The error, to be told once more."""
        kind = ConfigError if self.exit_code == 2 else TrainingError
        return kind(f"{self.error} (failed before; retry_failed=true tries it again)")


def remember(run_dir: Path, error: ConfigError | TrainingError, overrides: list[str]) -> None:
    """Leave a note of it; a disk that takes none is met by the next start as well."""
    failure = Failure(
        error=" ".join(str(error).split())[:10_000],
        exit_code=2 if isinstance(error, ConfigError) else 1,
        overrides=overrides,
    )
    with suppress(OSError):
        replace_text(run_dir / FAILURE, failure.model_dump_json() + "\n")


def forget(run_dir: Path) -> None:
    """Remove the note, as the run is tried again."""
    (run_dir / FAILURE).unlink(missing_ok=True)


def failure_of(run_dir: Path) -> Failure | None:
    """How the job failed that was begun there last; None if it did not, or nobody can tell."""
    file = run_dir / FAILURE
    try:
        return Failure.model_validate_json(file.read_text("utf-8")) if file.is_file() else None
    except (OSError, ValueError):
        return None
