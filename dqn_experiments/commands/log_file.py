"""The log of a run, in its directory."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import OmegaConf

from dqn_experiments.config.groups import config_dir

TERMINAL = "hydra/job_logging/console.yaml"
"""Says how a line of the terminal looks, and so one of the file."""


_with_a_log: set[int] = set()  # threads


@contextmanager
def logged(file: Path) -> Iterator[None]:
    """Add what is logged meanwhile to a file, and the error that ends it.

    What threads log that have a log of their own is not added.
    """
    handler = logging.FileHandler(file)
    terminal = OmegaConf.load(config_dir() / TERMINAL)
    handler.setFormatter(logging.Formatter(terminal.formatters.simple.format))
    thread = threading.get_ident()
    handler.addFilter(lambda record: record.thread not in _with_a_log - {thread})
    _with_a_log.add(thread)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    except Exception as error:
        told = logging.makeLogRecord({"name": __name__, "levelname": "ERROR", "msg": str(error)})
        handler.emit(told)
        raise
    finally:
        _with_a_log.discard(thread)
        root.removeHandler(handler)
        handler.close()
