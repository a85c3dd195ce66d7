"""From overrides, as a command line has them, to a config."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig

from dqn_experiments.config.check import checked
from dqn_experiments.config.groups import config_dir
from dqn_experiments.config.overrides import check_overrides
from dqn_experiments.config.own_folder import is_run_dir
from dqn_experiments.config.roms import register_env_configs
from dqn_experiments.config.trust import trust_named
from dqn_experiments.errors import ConfigError

_one_at_a_time = threading.Lock()  # Hydra keeps what it composes with in one place per process


def composed(*overrides: str, own: Path | None = None) -> DictConfig:
    """The checked config of a training command line; `own` is what --config-dir is there.

    Raises:
        ConfigError: see `dqn_experiments.config.check.checked`.
        HydraException: if an override cannot be composed.
    """
    return checked(as_written(*overrides, own=own))


def as_written(*overrides: str, own: Path | None = None) -> DictConfig:
    """The same, not checked."""
    for override in overrides:
        if not isinstance(override, str):
            raise ConfigError(f"{override!r}: must be a string, such as 'env=breakout'")
    if own is not None and not own.is_dir():
        raise ConfigError(f"config_dir={own}: must be a folder of configs")
    if own is not None and is_run_dir(own):
        raise ConfigError(f"config_dir={own}: must be a folder of configs, and holds a run")
    check_overrides(overrides, own)
    searched = [] if own is None else [f"hydra.searchpath=[{_quoted(f'file://{own.absolute()}')}]"]
    with _hydra_to_ourselves():
        register_env_configs()
        with initialize_config_dir(str(config_dir())):
            config = compose("config", overrides=[*overrides, *searched])
    trust_named(overrides)
    return config


def _quoted(text: str) -> str:
    """As a value of an override that stands for nothing else."""
    return QuotedString(text, Quote.single).with_quotes()


@contextmanager
def _hydra_to_ourselves() -> Iterator[None]:
    """Without what a caller composes with, who gets it back."""
    with _one_at_a_time:
        callers = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        try:
            yield
        finally:
            GlobalHydra.instance().hydra = callers
