"""The log of a run, in its directory."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from omegaconf import OmegaConf

from dqn_experiments.config.groups import config_dir

TERMINAL = "hydra/job_logging/console.yaml"
"""Says how a line of the terminal looks, and so one of the file."""


_own: ContextVar[Path | None] = ContextVar("log", default=None)


@contextmanager
def logged(file: Path) -> Iterator[None]:
    """Add what is logged meanwhile to a file, and the error that ends it.

    What another run of this process logs is not added; a thread that belongs to none, such as one
    that looks how torch's threads wait, is told of in all.
    """
    handler = logging.FileHandler(file)
    terminal = OmegaConf.load(config_dir() / TERMINAL)
    handler.setFormatter(logging.Formatter(terminal.formatters.simple.format))
    handler.addFilter(lambda record: _own.get() in (None, file))  # asked where it is logged
    before = _own.set(file)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    except Exception as error:
        told = logging.makeLogRecord({"name": __name__, "levelname": "ERROR", "msg": str(error)})
        handler.emit(told)
        raise
    finally:
        _own.reset(before)
        root.removeHandler(handler)
        handler.close()
