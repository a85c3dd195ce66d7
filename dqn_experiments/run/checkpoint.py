"""Checkpoints: one folder each under `checkpoints/`, complete or not there at all."""

import hashlib
import logging
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, FiniteFloat

from dqn_experiments import __version__
from dqn_experiments.config.constraints import OptionalCount
from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.machine.files import flush, patiently, refuse_devices, write_text
from dqn_experiments.run.tensors import Writer, load_tensors

log = logging.getLogger(__name__)

WEIGHTS = "network.pt"
META = "checkpoint.json"
SUMS = "SHA256SUMS"
"""Lines as sha256sum writes and checks them, one for every other file."""

PARTIAL, REPLACED, PRUNED = ".partial", ".replaced", ".pruned"
"""Names of folders on their way to be a checkpoint or not to be one any more."""


class Meta(BaseModel):
    """The content of a checkpoint's description."""

    step: OptionalCount
    score: FiniteFloat | None
    version: str
    """Of the code that wrote it."""
    files: list[Annotated[str, Field(pattern=r"^[a-z]+\.[a-z]+$")]]
    """What lies beside it."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk."""

    path: Path
    step: int
    """Agent steps of training behind it."""
    score: float | None
    """Its mean evaluation return, if it was evaluated during training."""
    files: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether a run can go on from it; otherwise it has weights only."""
        return self.files != (WEIGHTS,)

    @property
    def nbytes(self) -> int:
        """What it takes on disk."""
        return sum(path.stat().st_size for path in self.path.iterdir())

    def weights(self) -> dict[str, Any]:
        """The network's state dict, on the CPU, read without running code from the file.

        Raises:
            StateError: if the file cannot be read as weights.
        """
        return load_tensors(self.path / WEIGHTS)

    def verify(self, names: Iterable[str] | None = None) -> None:
        """Hold every file against its checksum, or only those of `names`.

        Raises:
            StateError: naming a file that is damaged or missing.
        """
        try:
            listed = (self.path / SUMS).read_bytes().decode(errors="replace")
            found = _sums(self.path, [*self.files, META] if names is None else names)
        except (OSError, ValueError) as error:
            raise StateError(f"{self.path}: damaged: cannot be read ({error})") from error
        wrong = [line[66:-1] for line in found if line not in listed]
        if names is None and not wrong and listed != "".join(found):
            wrong = [SUMS]
        if wrong:
            raise StateError(f"{self.path}: damaged: {', '.join(wrong)}; must be as {SUMS} says")


def folder_of(run_dir: Path, step: int) -> Path:
    """Where the checkpoint of that step lies."""
    return run_dir / "checkpoints" / f"{step:010d}"


def save(
    run_dir: Path, step: int, files: Mapping[str, Writer], keep: int, score: float | None = None
) -> Checkpoint:
    """Write a checkpoint, then remove what need not stay.

    The `keep` newest stay as they are. The best one stays too; once it is not among the newest, it
    keeps its weights only, as it is there to play with and nobody goes on from it.

    Raises:
        OSError: if it cannot be written; what was there before is as it was.
    """
    saved = Checkpoint(folder_of(run_dir, step), step, score, tuple(files))
    saved.path.parent.mkdir(exist_ok=True)
    _recover_replaced(saved.path.parent)
    for suffix in (PARTIAL, REPLACED, PRUNED):
        for left_over in saved.path.parent.glob(f"[0-9]*{suffix}"):
            shutil.rmtree(left_over, ignore_errors=True)
    _write(saved, files)
    _prune(run_dir, keep, step)
    return saved


def _write(checkpoint: Checkpoint, files: Mapping[str, Writer]) -> None:
    """Write beside what may be there, then take its place."""
    folder = checkpoint.path
    partial, replaced = folder.with_suffix(PARTIAL), folder.with_suffix(REPLACED)
    try:
        partial.mkdir()
        for name, write in files.items():
            write(partial / name)
        meta = Meta(
            step=checkpoint.step, score=checkpoint.score, version=__version__, files=list(files)
        )
        write_text(partial / META, meta.model_dump_json() + "\n")
        write_text(partial / SUMS, "".join(_sums(partial, [*files, META])))
        for path in (*partial.iterdir(), partial):
            flush(path)
        if folder.exists():
            patiently(folder.rename, replaced)
        patiently(partial.rename, folder)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):
            _recover_replaced(folder.parent)
        raise
    flush(folder.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _sums(folder: Path, names: Iterable[str]) -> list[str]:
    """A line for each file, in the order of their names."""
    lines = []
    for name in sorted(names):
        with (folder / name).open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return lines


def _recover_replaced(checkpoints: Path) -> None:
    """Give a checkpoint its name back that was to be replaced, by one that did not come."""
    for replaced in checkpoints.glob(f"[0-9]*{REPLACED}"):
        if not replaced.with_suffix("").exists():
            replaced.rename(replaced.with_suffix(""))


def _prune(run_dir: Path, keep: int, step: int) -> None:
    """Remove what need not stay; newer ones than `step` are damaged and no longer this run's."""
    everything = [checkpoint for checkpoint in available(run_dir) if checkpoint.step <= step]
    best = _best(everything)
    for checkpoint in everything[:-keep]:
        try:
            if checkpoint != best:
                _remove(checkpoint)
            elif checkpoint.is_whole:
                _lighten(checkpoint)
        except OSError as error:
            log.warning(f"{checkpoint.path} cannot be removed ({error.strerror})")
        except StateError as error:
            log.warning(f"{error}; left as it is")


def _remove(checkpoint: Checkpoint) -> None:
    """Its name goes before its files, so that no half of it is ever found."""
    going = checkpoint.path.with_suffix(PRUNED)
    patiently(checkpoint.path.rename, going)
    shutil.rmtree(going)


def _lighten(checkpoint: Checkpoint) -> None:
    checkpoint.verify([WEIGHTS])  # what is damaged must not get sums that fit
    weights = (checkpoint.path / WEIGHTS).read_bytes()
    _write(checkpoint, {WEIGHTS: lambda path: path.write_bytes(weights)})


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
    everything = (run_dir / "checkpoints").glob("*")
    return sorted(path for path in everything if path.name.isdecimal() and path.is_dir())


def _read(folder: Path) -> Checkpoint:
    try:
        refuse_devices(folder)
        meta = Meta.model_validate_json((folder / META).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StateError(f"{folder / META}: not a readable checkpoint description") from error
    if meta.step != int(folder.name):
        raise StateError(f"{folder / META}: must be of step {int(folder.name)}, as the folder is")
    return Checkpoint(folder, meta.step, meta.score, tuple(meta.files))


def newest_intact(run_dir: Path) -> Checkpoint | None:
    """The newest checkpoint to go on from whose files are as they were written; None if there
    never was one.

    Raises:
        ConfigError: if there are only damaged ones, or ones that have weights only.
    """
    _recover_replaced(run_dir / "checkpoints")
    folders = _folders(run_dir)
    for folder in reversed(folders):
        try:
            checkpoint = _read(folder)
            checkpoint.verify()
        except StateError as error:
            log.warning(f"{error}; passed over, and left as it is")
        else:
            if checkpoint.is_whole:
                return checkpoint
    if folders:
        raise ConfigError(
            f"{folders[-1].parent}: must hold a checkpoint that is not damaged and has more than "
            "weights"
        )
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
