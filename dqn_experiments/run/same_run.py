"""Whether a run is the one that a directory holds, and what may change when it goes on."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.config.stored_form import as_chosen, leaves, stored_form
from dqn_experiments.config.wording import shown
from dqn_experiments.errors import ConfigError
from dqn_experiments.run.config_file import CONFIG
from dqn_experiments.run.free_keys import FREE, is_free
from dqn_experiments.run.stored import stored_config

ABSENT = object()
OF_ONE_START = ("resume", "retry_failed")  # and so nothing that a run keeps


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
        if not is_free(key):
            _check_unchanged(run_dir, key, _value(composed, key), str(override.input_line))
        elif key != "resume":
            changes[key] = _value(composed, key, None)
    return stored_config(run_dir, "resume", changes)


def _check_unchanged(run_dir: Path, key: str, given: Any, written: str) -> None:
    """Let what a run must keep be said once more, but not changed."""
    run = stored_config(run_dir, "resume")
    kept = _value(run, key)
    if given is ABSENT or given != kept:
        has = "" if kept is ABSENT or isinstance(kept, dict) else f" (this has {shown(kept)})"
        kept_keys = [key for key in FREE if key not in OF_ONE_START]
        free = [key for key in kept_keys if _value(run, key) is not ABSENT]
        raise ConfigError(
            f"{written}: would make it another run{has}; what may change is {', '.join(free)}"
        )


def check_same_run(run_dir: Path, config: DictConfig, called: str = "run_dir") -> None:
    """Refuse to continue a run as another one; `called` is how a person names its directory.

    Raises:
        ConfigError: naming the first value that differs and may not.
    """
    if not (run_dir / CONFIG).exists():
        return
    both = stored_config(run_dir, called), config
    stored, given = (leaves(stored_form(each)) for each in both)
    for key in [*given, *stored]:
        if not is_free(key) and stored.get(key) != given.get(key):
            raise ConfigError(
                f"{as_chosen(key)}={shown(given.get(key))}: {run_dir} holds a run with "
                f"{shown(stored.get(key))}; must be the same, or in another directory; "
                f"resume={run_dir} (in Python go_on) keeps it"
            )


def _value(config: DictConfig, key: str, absent: Any = ABSENT) -> Any:
    """What stands at a dotted key, in plain values."""
    value = OmegaConf.select(config, key, default=absent)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
