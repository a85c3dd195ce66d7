"""The weights that a new run starts from: those of a checkpoint of another one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.run import checkpoint
from dqn_experiments.run.checkpoint import SUMS, WEIGHTS, Checkpoint
from dqn_experiments.run.config_file import CONFIG
from dqn_experiments.run.tensors import load_tensors


def read_weights(source: str) -> dict[str, Any]:
    """A network's state dict, on the CPU, read without running code from the file.

    Args:
        source: a run directory, of which it is the newest checkpoint's; a checkpoint's folder; or
            a file as `network.pt`. Where checksums lie beside it, it is held against them.

    Raises:
        ConfigError: naming `initial_weights`, if there is nothing of the kind, or it is damaged.
    """
    with naming_source(source):
        file = _file(Path(source))
        if file.name == WEIGHTS and (file.parent / SUMS).is_file():
            Checkpoint(file.parent, 0, None, (WEIGHTS,)).verify([WEIGHTS])
        weights = load_tensors(file)
        if not isinstance(weights, Mapping):
            raise StateError(f"{file}: must be the weights of a network")
        return weights


@contextmanager
def naming_source(source: str) -> Iterator[None]:
    """Says of what is wrong which key it is of."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"initial_weights={source}: {error}") from error
    except OSError as error:
        raise ConfigError(f"initial_weights={source}: cannot be read ({error.strerror})") from error


def _file(source: Path) -> Path:
    if source.is_dir() and (source / CONFIG).exists():
        everything = checkpoint.available(source)
        if not everything:
            raise ConfigError("is a run that has no checkpoint")
        source = everything[-1].path
    file = source / WEIGHTS if source.is_dir() else source
    if not file.is_file():
        raise ConfigError(f"must be a run directory, a checkpoint's folder or a {WEIGHTS}")
    return file
