"""Checkpoints: one folder each under `checkpoints/`, complete or not there at all."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dqn_experiments.errors import ConfigError

WEIGHTS = "network.pt"
META = "checkpoint.json"


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
    shutil.rmtree(folder, ignore_errors=True)
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
            shutil.rmtree(checkpoint.path)


def available(run_dir: Path) -> list[Checkpoint]:
    """The checkpoints of a run, oldest first."""
    folders = sorted((run_dir / "checkpoints").glob("*[0-9]"))
    return [_read(folder) for folder in folders if (folder / META).is_file()]


def _read(folder: Path) -> Checkpoint:
    try:
        meta = json.loads((folder / META).read_text())
        return Checkpoint(folder, int(meta["step"]), meta["score"])
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{folder / META}: not a readable checkpoint description") from error


def _best(checkpoints: list[Checkpoint]) -> Checkpoint | None:
    scored = [checkpoint for checkpoint in checkpoints if checkpoint.score is not None]
    return max(scored, key=lambda checkpoint: (checkpoint.score, checkpoint.step), default=None)


def find(run_dir: Path, which: str | int) -> Checkpoint:
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
    named = [checkpoint for checkpoint in everything if str(checkpoint.step) == str(which)]
    if not named:
        steps = [str(checkpoint.step) for checkpoint in everything]
        names = ["latest", *(["best"] if best else []), *steps]
        raise ConfigError(f"checkpoint={which}: must be one of {', '.join(names)}")
    return named[0]


def is_best(run_dir: Path, checkpoint: Checkpoint) -> bool:
    """Whether no checkpoint of the run scored higher in evaluation."""
    return checkpoint == _best(available(run_dir))
