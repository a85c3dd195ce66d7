"""What a checkpoint holds of a run: {name: part.state_dict()}, a file for each."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from dqn_experiments import state
from dqn_experiments.errors import StateError
from dqn_experiments.machine import memory
from dqn_experiments.run.checkpoint import Checkpoint
from dqn_experiments.run.tensors import Writer, load_tensors, save_tensors

TENSORS = ("network", "learner")
"""Parts whose state is tensors; that of others is arrays and plain values."""


class Part(Protocol):
    """Whatever must survive a restart."""

    def state_dict(self) -> dict[str, Any]:
        """All of it."""

    def load_state_dict(self, state: dict[str, Any], /) -> object:
        """Take in what `state_dict` gave."""


def file_of(name: str) -> str:
    """Where a checkpoint holds the part of that name."""
    return f"{name}.pt" if name in TENSORS else f"{name}.state"


def writers(parts: Mapping[str, Part]) -> dict[str, Writer]:
    """What to write under which name; each part is asked for its state when its turn comes."""
    return {file_of(name): partial(_write, name, part) for name, part in parts.items()}


def _write(name: str, part: Part, path: Path) -> None:
    if name in TENSORS:
        save_tensors(part.state_dict())(path)
    else:
        state.save(path, part.state_dict())


def restore(parts: Mapping[str, Part], found: Checkpoint) -> None:
    """Bring parts that were just built to where they were at a checkpoint.

    Raises:
        StateError: if the checkpoint is damaged or of another kind of run.
    """
    missing = {file_of(name) for name in parts} - set(found.files)
    if missing:
        raise StateError(f"{found.path}: must have {', '.join(sorted(missing))} to go on from")
    for name, part in parts.items():
        path = found.path / file_of(name)
        if name in TENSORS:
            restore_tensors(part, path)
            continue
        content = state.load(path)
        try:
            part.load_state_dict(content)
        except StateError as error:
            raise StateError(f"{found.path}: {error}") from error


def restore_tensors(part: Part, path: Path) -> None:
    """Take in the tensors in a file; raises StateError if they are not those of such a part."""
    content = load_tensors(path)
    try:
        part.load_state_dict(content)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if memory.ran_out(error):
            raise
        reason = " ".join(str(error).split())
        raise StateError(f"{path.parent}: not of this run's agent ({reason:.200})") from error
