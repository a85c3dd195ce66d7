"""Whether a run is the one that a directory holds, and what may change when it goes on."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.errors import ConfigError
from dqn_experiments.run.stored import CONFIG, stored_config

FREE = (
    "total_steps",
    "pause_after",
    "checkpoint",
    "evaluation",
    "tracker",
    "log_every",
    "device",
    "cpu_threads",
    "deterministic",
    "trust",
    "resume",
    "buffer.device",
    "buffer.compression",
)
"""What may differ when a run is continued: the same batches come out of any memory."""


def continued_config(run_dir: Path, composed: DictConfig, overrides: list[str]) -> DictConfig:
    """The checked config of a run with what the command line changes of it.

    Args:
        run_dir: a run directory.
        composed: the config of the command line.
        overrides: the overrides of the command line.

    Raises:
        ConfigError: if the folder holds no run, or an override would make it another one.
    """
    changes = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        key = override.key_or_group
        if not _is_free(key):
            raise ConfigError(
                f"{override.input_line}: would make it another run; with resume=<run directory> "
                f"must be of {', '.join(FREE)}"
            )
        if key != "resume":
            value = OmegaConf.select(composed, key)
            changes[key] = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    return stored_config(run_dir, "resume", changes)


def check_same_run(run_dir: Path, config: DictConfig, called: str = "run_dir") -> None:
    """Refuse to continue a run as another one; `called` is how a person names its directory.

    Raises:
        ConfigError: naming the first value that differs and may not.
    """
    if not (run_dir / CONFIG).exists():
        return
    both = stored_config(run_dir, called), config
    stored, given = (_leaves(OmegaConf.to_container(each)) for each in both)
    for key in [*given, *stored]:
        if not _is_free(key) and stored.get(key) != given.get(key):
            raise ConfigError(
                f"{key}={given.get(key)}: {run_dir} holds a run with {stored.get(key)}; must be "
                f"the same, as resume={run_dir} keeps it, or another run directory"
            )


def _is_free(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in FREE)


def _leaves(config: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(config, dict):
        return {prefix.removesuffix("."): config}
    return {
        name: leaf
        for key, value in config.items()
        for name, leaf in _leaves(value, f"{prefix}{key}.").items()
    }
