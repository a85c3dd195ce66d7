"""Checkpoints: one folder each under `checkpoints/`, complete or not there at all."""

import hashlib
import io
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, FiniteFloat

from dqn_experiments.constraints import OptionalCount
from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.state import refuse_compressed

log = logging.getLogger(__name__)

WEIGHTS = "network.pt"
META = "checkpoint.json"
SUMS = "SHA256SUMS"
"""Lines as sha256sum writes and checks them, one for every other file."""

Writer = Callable[[Path], object]
"""Writes the file of that path."""


class Meta(BaseModel):
    """The content of a checkpoint's description."""

    step: OptionalCount
    score: FiniteFloat | None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk."""

    path: Path
    step: int
    """Agent steps of training behind it."""
    score: float | None
    """Its mean evaluation return, if it was evaluated during training."""

    def weights(self) -> dict[str, Any]:
        """The network's state dict, on the CPU, read without running code from the file.

        Raises:
            StateError: if the file cannot be read as weights.
        """
        return load_tensors(self.path / WEIGHTS)

    def verify(self) -> None:
        """Hold every file against its checksum.

        Raises:
            StateError: naming a file that is damaged or missing.
        """
        try:
            listed = (self.path / SUMS).read_text()
        except (OSError, ValueError) as error:
            raise StateError(f"{self.path / SUMS}: cannot be read") from error
        found = _sums(self.path)
        if listed != found:
            known = listed.splitlines()
            wrong = [line[66:] for line in found.splitlines() if line not in known]
            missing = [line[66:] for line in known if not (self.path / line[66:]).is_file()]
            names = ", ".join(wrong or missing or [SUMS])
            raise StateError(f"{self.path}: damaged: {names:.200}; must be as {SUMS} says")


def save_tensors(state: Any) -> Writer:
    """Writes tensors in dicts and lists as torch does."""

    def write(path: Path) -> None:
        buffer = io.BytesIO()  # torch's own file writer hides why it failed
        torch.save(state, buffer)
        path.write_bytes(buffer.getbuffer())

    return write


def load_tensors(path: Path) -> dict[str, Any]:
    """What `save_tensors` wrote, on the CPU, read without running code from the file.

    Raises:
        StateError: if the file cannot be read as that.
    """
    try:
        refuse_compressed(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StateError(f"{path}: not a readable file of weights ({reason})") from error
    return state


def save(
    run_dir: Path, step: int, files: Mapping[str, Writer], keep: int, score: float | None = None
) -> Checkpoint:
    """Write a checkpoint, then remove all but the `keep` newest and the best.

    Raises:
        OSError: if it cannot be written; what was there before is as it was.
    """
    folder = run_dir / "checkpoints" / f"{step:010d}"
    folder.parent.mkdir(exist_ok=True)
    for left_over in folder.parent.glob("*.*"):
        shutil.rmtree(left_over)
    partial = folder.with_suffix(".partial")
    try:
        _write(partial, {**files, META: _meta(step, score)})
        _remove(folder)
        partial.rename(folder)
        _flush(folder.parent)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _prune(run_dir, keep)
    return Checkpoint(folder, step, score)


def _meta(step: int, score: float | None) -> Writer:
    return lambda path: path.write_text(json.dumps({"step": step, "score": score}) + "\n")


def _write(folder: Path, files: Mapping[str, Writer]) -> None:
    folder.mkdir()
    for name, write in files.items():
        write(folder / name)
    (folder / SUMS).write_text(_sums(folder))
    for path in (*folder.iterdir(), folder):
        _flush(path)


def _sums(folder: Path) -> str:
    lines = []
    for path in sorted(folder.iterdir()):
        if path.name != SUMS:
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(lines)


def _flush(path: Path) -> None:
    """Make what was written survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(run_dir: Path, keep: int) -> None:
    everything = available(run_dir)
    kept = {checkpoint.path for checkpoint in everything[-keep:]}
    best = _best(everything)
    for checkpoint in everything:
        if checkpoint.path not in kept and checkpoint != best:
            _remove(checkpoint.path)


def _remove(folder: Path) -> None:
    """Take the folder's name away before its files, so that no half of it is ever found."""
    if folder.exists():
        going = folder.with_suffix(".removed")
        folder.rename(going)
        shutil.rmtree(going)


def available(run_dir: Path) -> list[Checkpoint]:
    """The checkpoints of a run, oldest first; one without a readable description is passed over."""
    found = []
    for folder in _folders(run_dir):
        try:
            found.append(_read(folder))
        except StateError as error:
            log.warning(f"{error}; passed over")
    return found


def _folders(run_dir: Path) -> list[Path]:
    return sorted((run_dir / "checkpoints").glob("*[0-9]"))


def _read(folder: Path) -> Checkpoint:
    try:
        meta = Meta.model_validate_json((folder / META).read_text())
    except (OSError, ValueError) as error:
        raise StateError(f"{folder / META}: not a readable checkpoint description") from error
    return Checkpoint(folder, meta.step, meta.score)


def newest_intact(run_dir: Path) -> Checkpoint | None:
    """The newest checkpoint whose files are as they were written; None if there never was one.

    Raises:
        ConfigError: if there are only damaged ones.
    """
    folders = _folders(run_dir)
    for folder in reversed(folders):
        try:
            checkpoint = _read(folder)
            checkpoint.verify()
        except StateError as error:
            log.warning(f"{error}; passed over, and left as it is")
        else:
            return checkpoint
    if folders:
        raise ConfigError(f"{folders[-1].parent}: must hold a checkpoint that is not damaged")
    return None


def _best(checkpoints: list[Checkpoint]) -> Checkpoint | None:
    scored = [checkpoint for checkpoint in checkpoints if checkpoint.score is not None]
    return max(scored, key=lambda checkpoint: (checkpoint.score, checkpoint.step), default=None)


def find(run_dir: Path, which: str) -> Checkpoint:
    """The checkpoint called `latest`, `best` or by its step.

    Raises:
        ConfigError: if there is none.
    """
    everything = available(run_dir)
    if not everything:
        raise ConfigError(f"run={run_dir}: has no checkpoint")
    if which == "latest":
        return everything[-1]
    best = _best(everything)
    if which == "best" and best:
        return best
    named = [checkpoint for checkpoint in everything if str(checkpoint.step) == which]
    if not named:
        steps = [str(checkpoint.step) for checkpoint in everything]
        names = ["latest", *(["best"] if best else []), *steps]
        raise ConfigError(f"checkpoint={which}: must be one of {', '.join(names)}")
    return named[0]


def is_best(run_dir: Path, checkpoint: Checkpoint) -> bool:
    """Whether no checkpoint of the run scored higher in evaluation."""
    return checkpoint == _best(available(run_dir))
