"""Directories that Hydra makes before a command has looked at what it is asked to do."""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from dqn_experiments.machine.files import made

MULTIRUN = "multirun.yaml"
"""What Hydra writes of a sweep; other files of its kind it reads."""
WITHOUT_JOBS = {"sweep.json", MULTIRUN, "lock", "lock.owner"}
"""What there is of a sweep before its first job."""


class LeaveNothingEmpty(Callback):
    """Removes those in which nothing was begun: a refused command leaves none behind."""

    def __init__(self) -> None:
        self._made = ExitStack()
        self._new: Path | None = None  # a sweep's directory that was not there before

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Note what is there."""
        with suppress(OSError, OmegaConfBaseException):  # Hydra meets them as well, and tells
            if config.hydra.run.dir:
                self._made.enter_context(made(Path(config.hydra.run.dir).absolute()))

    def on_run_end(self, config: DictConfig, **_: Any) -> None:
        """Remove what is empty."""
        self._made.close()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Note whether it is there."""
        with suppress(OSError, OmegaConfBaseException):
            sweep_dir = Path(config.hydra.sweep.dir).absolute()
            self._new = None if sweep_dir.exists() else sweep_dir

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Remove a sweep's directory that has no job in it."""
        with suppress(OSError):
            if self._new and {file.name for file in self._new.iterdir()} <= WITHOUT_JOBS:
                for file in self._new.iterdir():
                    file.unlink()
                self._new.rmdir()

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Remove a sweep's directory for a job, if it is empty."""
        if config.hydra.mode == RunMode.MULTIRUN:
            with suppress(OSError):
                Path(config.hydra.runtime.output_dir).rmdir()
