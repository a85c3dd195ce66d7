"""Checkpoints: one folder each under `checkpoints/`, complete or not there at all."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, FiniteFloat

from dqn_experiments.constraints import OptionalCount
from dqn_experiments.errors import ConfigError

WEIGHTS = "network.pt"
META = "checkpoint.json"


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
            ConfigError: if the file cannot be read as weights.
        """
        file = self.path / WEIGHTS
        try:
            weights: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged or hostile file
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"{file}: not a readable file of weights ({reason})") from error
        return weights


def save(
    run_dir: Path, step: int, weights: dict[str, Any], keep: int, score: float | None = None
) -> Checkpoint:
    """Write a checkpoint, then remove all but the `keep` newest and the best."""
    folder = run_dir / "checkpoints" / f"{step:010d}"
    folder.parent.mkdir(exist_ok=True)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    torch.save(weights, partial / WEIGHTS)
    (partial / META).write_text(json.dumps({"step": step, "score": score}) + "\n")
    for file in (*partial.iterdir(), partial):
        _flush(file)
    _remove(folder)
    partial.rename(folder)
    _flush(folder.parent)
    _prune(run_dir, keep)
    return Checkpoint(folder, step, score)


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
        shutil.rmtree(going, ignore_errors=True)
        folder.rename(going)
        shutil.rmtree(going)


def available(run_dir: Path) -> list[Checkpoint]:
    """The checkpoints of a run, oldest first."""
    folders = sorted((run_dir / "checkpoints").glob("*[0-9]"))
    return [_read(folder) for folder in folders if (folder / META).is_file()]


def _read(folder: Path) -> Checkpoint:
    try:
        meta = Meta.model_validate_json((folder / META).read_text())
        return Checkpoint(folder, meta.step, meta.score)
    except ValueError as error:
        raise ConfigError(f"{folder / META}: not a readable checkpoint description") from error


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
