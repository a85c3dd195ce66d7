"""Weights & Biases."""

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

import wandb
from pydantic import BaseModel, ConfigDict, Field
from wandb.errors import Error

from dqn_experiments.config.constraints import WandbProject
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine.files import replace_text

log = logging.getLogger(__name__)

INIT_TIMEOUT = 10  # seconds for a server that listens to let the run in
CONNECT_TIMEOUT = 2  # seconds for a server to listen at all

FILM = "evaluation/video"
DATA_DIR = "WANDB_DATA_DIR"
_one_at_a_time = threading.Lock()  # who says where artifacts wait, which holds for the process

Tag = Annotated[str, Field(min_length=1, max_length=64)]


MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")
"""Which WANDB_MODE knows; others would end in an error of many lines."""

RUN_ID = "WANDB_RUN_ID"
OF_A_SWEEP = ("WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", RUN_ID)
"""What an agent of W&B's sweeps says of the run that it wants; it goes before all arguments."""


IDENTITY = Path("wandb", "identity.json")
"""Of a run, in its directory."""


A_RUNS_ID = r"[^/\\#?%:\s]{1,128}"


class Identity(BaseModel):
    """What makes a run of W&B that run."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(pattern=f"^{A_RUNS_ID}$")]
    name: str | None
    group: str | None
    project: str | None = None  # not in files of version 0.2.0
    entity: str | None = None


class WandbTracker:
    """One W&B run per run directory, under `wandb/`, with `frames` as the x-axis of every curve.

    `mode=auto` is online where W&B finds credentials and its server answers, else offline; it never
    asks and never waits for long. WANDB_MODE=offline or disabled in the environment is heeded.
    """

    def __init__(
        self,
        run: TrackedRun,
        /,
        *,
        mode: Literal["auto", "online", "offline", "disabled"],
        project: WandbProject,
        entity: str | None,
        group: str | None,
        job_type: str,
        name: str | None,
        tags: list[Tag],
        checkpoints: bool,
    ) -> None:
        self._checkpoints = checkpoints and mode != "disabled"
        _check_mode()
        known = remembered(run.run_dir) if mode != "disabled" else None
        identity = known or Identity(
            id=_new_id(of_a_sweep=run.sweep is not None),
            name=name or run.title,
            group=group or run.sweep,
        )
        self._folder = run.run_dir / "wandb"
        with _hidden(OF_A_SWEEP if known else ()):
            self._run = _start(
                mode,
                dir=run.run_dir.absolute(),  # its service may have been started elsewhere
                config=dict(run.config),
                job_type=job_type,
                tags=tags or None,
                resume="allow",
                **{
                    **identity.model_dump(),
                    "project": identity.project or project,
                    "entity": identity.entity or entity,
                },
            )
        if not self._run.disabled:
            _remember(run.run_dir, self._run)
        for axis in ("frames", "step"):
            self._run.define_metric(axis, hidden=True)
        self._run.define_metric("*", step_metric="frames")

    def log(self, metrics: Mapping[str, float], number: int) -> None:
        """Send row `number` of metrics, `frames` among them; W&B keeps the first of a number."""
        self._run.log(dict(metrics), step=number, commit=True)  # else it waits for the next one

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Set figures that describe the whole run."""
        self._run.summary.update(dict(values))

    def film(self, path: Path, number: int | None) -> None:
        """Send the film that belongs to row `number`, which follows, or to the summary."""
        if number is None:
            self._run.summary.update({FILM: wandb.Video(str(path))})
        elif number >= self._run.step:  # else W&B has that row, and would get the file once more
            self._run.log({FILM: wandb.Video(str(path))}, step=number, commit=False)

    def checkpoint(self, files: list[Path], aliases: list[str]) -> None:
        """Send a checkpoint's files as an artifact, under aliases like `step-500000`, `latest`."""
        if self._checkpoints:
            artifact = wandb.Artifact(f"checkpoint-{self._run.id}", type="model")
            with _artifacts_wait_in(self._folder):
                for file in files:
                    artifact.add_file(str(file))
                self._run.log_artifact(artifact, aliases=aliases)

    def close(self, exit_code: int) -> None:
        """Write out everything; `exit_code` 0 marks the run as finished, others as failed."""
        try:
            self._run.finish(exit_code=exit_code)
        except Exception:
            with suppress(Exception):  # else W&B tries again at exit, and tells with a traceback
                wandb.teardown(exit_code)
            raise


def _check_mode() -> None:
    """Raises ConfigError if the environment asks for one that W&B does not know."""
    mode = os.environ.get("WANDB_MODE")
    if mode is not None and mode not in MODES:
        raise ConfigError(f"WANDB_MODE={mode}: must be one of {', '.join(MODES)}")


def _new_id(of_a_sweep: bool) -> str:
    """What the environment says, except to a job of a sweep, or one of our own."""
    said = None if of_a_sweep else os.environ.get(RUN_ID)
    if said and not re.fullmatch(A_RUNS_ID, said):
        told = "must be 1 to 128 characters, none of them blank or of / \\ # ? % :"
        raise ConfigError(f"{RUN_ID}={said}: {told}")
    return said or secrets.token_hex(4)


def remembered(run_dir: Path) -> Identity | None:
    """The W&B run of a directory, if it has one; raises ConfigError if its file is damaged."""
    file = run_dir / IDENTITY
    try:
        return Identity.model_validate_json(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(f"{file}: not the identity of a W&B run") from error


def _remember(run_dir: Path, run: Any) -> None:
    given = {key: getattr(run, key) or None for key in Identity.model_fields}
    file = run_dir / IDENTITY
    file.parent.mkdir(exist_ok=True)
    replace_text(file, Identity.model_validate(given).model_dump_json() + "\n")


@contextmanager
def _artifacts_wait_in(folder: Path) -> Iterator[None]:
    """Those of an offline run wait for `wandb sync` in its directory, and not at home."""
    with _one_at_a_time, _hidden([DATA_DIR]):
        os.environ[DATA_DIR] = str(folder)
        try:
            yield
        finally:
            del os.environ[DATA_DIR]


@contextmanager
def _hidden(variables: Iterable[str]) -> Iterator[None]:
    """Without those variables in the environment for a while."""
    hidden = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _start(mode: str, **arguments: Any) -> Any:
    if mode == "auto":
        if wandb.setup().settings.mode in ("offline", "disabled"):
            return _init(**arguments)
        reason = unreachable()
        try:
            if reason is None:
                return _init(**arguments)
        except (Error, TimeoutError) as error:
            reason = " ".join(str(error).split())
        log.info(f"W&B is offline ({reason}); `wandb sync` uploads the run later")
        mode = "offline"
    try:
        if mode == "online" and not wandb.login(prompt=False):
            raise ConfigError("tracker.mode=online: not logged in; run `wandb login`, or use auto")
        return _init(mode=mode, **arguments)
    except (Error, TimeoutError) as error:
        raise ConfigError(f"tracker.mode={mode}: {' '.join(str(error).split())}") from error


def unreachable() -> str | None:
    """Why nothing can be sent to W&B now; None if it can. Nobody is asked for a key."""
    settings = wandb.setup().settings
    if settings.mode in ("offline", "disabled"):
        return f"WANDB_MODE={settings.mode}"
    if not _answers(settings.base_url):
        return f"{settings.base_url} does not answer"
    try:
        return None if wandb.login(prompt=False) else "not logged in"
    except (Error, TimeoutError) as error:
        return " ".join(str(error).split())


def _answers(url: str) -> bool:
    """Whether a server listens there; W&B itself would retry for ten seconds to find out.

    Behind a proxy a connection of our own tells nothing, so the answer is yes.
    """
    address = urlsplit(url)
    if address.scheme in getproxies():
        return True
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), CONNECT_TIMEOUT).close()
    except OSError:
        return False
    return True


def _init(**arguments: Any) -> Any:
    settings = wandb.Settings(
        console="off",
        init_timeout=INIT_TIMEOUT,
        silent=True,
        reinit="create_new",  # beside another run of this process, a caller's own perhaps
    )
    return wandb.init(settings=settings, **arguments)
