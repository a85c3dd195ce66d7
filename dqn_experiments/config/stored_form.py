"""How a config is kept in a run directory, and how today's code reads one of another day.

The file carries the version that wrote it, and the commit if that is known. It names a component by
its option (`_option_: atari`) rather than by module and class, which may move. Promised: what any
version from `OLDEST` on has written is evaluated, watched and gone on with. So

- a key that a file lacks, since it came later, gets the default of its option's yaml, and a
  component within another one the option that is chosen there, unless `CHANGED` says that another
  value keeps what the run did;
- a group that a file lacks has a row in `CHANGED`;
- a key that is gone has a row in `CHANGED`, which says what became of it.
"""

import json
import os
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dqn_experiments import __version__
from dqn_experiments.config.groups import GROUPS, config_dir, options
from dqn_experiments.config.lookup import component, folder_of, nested
from dqn_experiments.errors import ConfigError
from dqn_experiments.machine.source import commit

Plain = dict[str, Any]

OLDEST = "0.2.0"
VERSION, COMMIT, OPTION, TARGET = "version", "commit", "_option_", "_target_"
WRITTEN_BY = (VERSION, COMMIT)  # the code, not the run
NOT_STORED = ("trust", "resume", "retry_failed", "pause_after", "pause_at")
"""What a person says of one start."""


@dataclass(frozen=True)
class Added:
    """A key whose default is not what runs from before it did, or a group that they had not."""

    value: Any


@dataclass(frozen=True)
class Renamed:
    """A key that has another name now, in the same place."""

    to: str


@dataclass(frozen=True)
class Removed:
    """A key that is gone; runs that had another value than `now` cannot be carried over."""

    now: Any
    last: str
    """The last version that had it."""


CHANGED: dict[str, Added | Renamed | Removed] = {
    "augmentation": Added({OPTION: "none"}),
}
"""By place: `total_steps`, `checkpoint.every`, a group, or for a component `agent/dqn.double`, its
file."""


def stored_form(config: DictConfig) -> Plain:
    """What is written of a checked config."""
    plain: Plain = OmegaConf.to_container(config)  # type: ignore[assignment]
    kept = {key: value for key, value in plain.items() if key not in NOT_STORED}
    known = commit()
    return {
        VERSION: __version__,
        **({COMMIT: known} if known else {}),
        **kept,
        **{name: _by_option(name, kept[name], name) for name in GROUPS},
    }


def _by_option(group: str, node: Plain, folder: str) -> Plain:
    """A component's node with the option in `folder` that stands for its class."""
    target = str(node[TARGET])
    for name, inner in nested(component(group, target)).items():
        node = {**node, name: _by_option(inner, node[name], folder_of(folder, name, inner))}
    option = target.rpartition(".")[0].rpartition(".")[2]
    if option_values(folder, option).get(TARGET) != target:
        return node  # a package of one's own has no yaml here
    rest = {key: value for key, value in node.items() if key != TARGET}
    return {OPTION: option, **rest}


def leaves(config: Any, prefix: str = "") -> Plain:
    """The values of a config by dotted key."""
    if not isinstance(config, dict):
        return {prefix.removesuffix("."): config}
    return {
        name: leaf
        for key, value in config.items()
        for name, leaf in leaves(value, f"{prefix}{key}.").items()
    }


def as_chosen(key: str) -> str:
    """How a command line names a leaf of the stored form: an option by its folder."""
    chosen = key.removesuffix(f".{OPTION}")
    return key if chosen == key else chosen.replace(".", "/")


def from_stored_form(stored: Plain) -> Plain:
    """The config, not yet checked, of what `stored_form` gave, today or in an earlier version.

    Raises:
        ConfigError: one line that says which version can read it, if this one cannot.
    """
    _check_version(stored.get(VERSION))
    result = _run_keys(stored)
    for group in GROUPS:
        result[group] = _with_target(group, _stored_group(stored, group), group, group)
    return result


def as_of_today(stored: Plain) -> Plain:
    """What an earlier version stored, with the keys that a run has today and options by name.

    It is for reading alone: nothing is imported or checked, and components of packages that nobody
    trusts here stay as they are.

    Raises:
        ConfigError: one line that says which version can read it, if this one cannot.
    """
    _check_version(stored.get(VERSION))
    groups = {group: _by_name(_stored_group(stored, group), group) for group in GROUPS}
    whole = {**_run_keys(stored), **groups}
    try:
        if "${" not in json.dumps(whole, default=str):
            return whole
        resolved: Plain = OmegaConf.to_container(OmegaConf.create(whole), resolve=True)  # type: ignore[assignment]
        return resolved
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(
            f"cannot be read as the config of a run ({str(error).splitlines()[0]})"
        ) from error


def _by_name(node: Any, folder: str) -> Any:
    """A component's node, whose option is in `folder`, with what it lacks."""
    if not isinstance(node, dict) or OPTION not in node:
        return node
    option = str(node[OPTION])
    rest = {name: value for name, value in node.items() if name != OPTION}
    defaults = {
        name: value for name, value in option_values(folder, option).items() if name != TARGET
    }
    whole = _carried_over(f"{folder}/{option}.", rest, defaults)
    return {
        OPTION: option,
        **{name: _by_name(value, f"{folder}/{name}") for name, value in whole.items()},
    }


def _run_keys(stored: Plain) -> Plain:
    """The run's own keys."""
    others = (*GROUPS, *NOT_STORED, *WRITTEN_BY)
    run = {key: value for key, value in stored.items() if key not in others}
    defaults = _yaml(config_dir() / "config.yaml")
    del defaults["hydra"], defaults["defaults"]
    return _carried_over("", run, defaults)


def _stored_group(stored: Plain, group: str) -> Any:
    """A group's node, or what stands for it in a file that is older than the group."""
    added = CHANGED.get(group)
    return stored.get(group, added.value if isinstance(added, Added) else None)


def _check_version(version: Any) -> None:
    numbers = _numbers(str(version))
    if numbers < _numbers(OLDEST):
        written_by = f"version {version}" if numbers else "an unreleased version before 0.2.0"
        raise ConfigError(
            f"was written by {written_by}, which alone can go on with it; this is {__version__}"
        )
    if numbers > _numbers(__version__):
        raise ConfigError(
            f"was written by version {version}, which can go on with it; this is {__version__}"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """To compare versions by; empty, and so before all others, if it is none."""
    whole = re.fullmatch(r"\d{1,6}(\.\d{1,6}){1,3}", version)
    return tuple(map(int, version.split("."))) if whole else ()


def _with_target(group: str, node: Any, key: str, folder: str) -> Any:
    """A component's node with the class that its option stands for, and what it lacks."""
    if not isinstance(node, dict):
        return node
    rest = {name: value for name, value in node.items() if name != OPTION}
    if TARGET not in node:
        option = str(node.get(OPTION, ""))
        defaults = option_values(folder, option)
        if not defaults:
            raise ConfigError(f"{key}.{OPTION}={option}: must be one of {_stored_options(folder)}")
        rest = _carried_over(f"{folder}/{option}.", rest, defaults)
    for name, inner in nested(component(group, rest.get(TARGET), key)).items():
        inner_folder = folder_of(folder, name, inner)
        rest[name] = _with_target(inner, rest.get(name), f"{key}.{name}", inner_folder)
    return rest


def _carried_over(place: str, node: Plain, defaults: Plain) -> Plain:
    """The keys of `node` as they are called today, and those of `defaults` that it lacks."""
    result = {}
    for key, value in node.items():
        change = CHANGED.get(f"{place}{key}")
        if isinstance(change, Removed) and value != change.now:
            raise ConfigError(
                f"{place}{key}={value}: is no longer possible; "
                f"version {change.last} can go on with it"
            )
        if not isinstance(change, Removed):
            result[change.to if isinstance(change, Renamed) else key] = value
    for key, default in defaults.items():
        change = CHANGED.get(f"{place}{key}")
        if key not in result:
            result[key] = change.value if isinstance(change, Added) else default
        elif isinstance(default, dict) and isinstance(result[key], dict):
            keys = {name: value for name, value in default.items() if name != OPTION}
            result[key] = _carried_over(f"{place}{key}.", result[key], keys)
    return result


def option_values(folder: str, option: str) -> Plain:
    """What the yaml of a component's option says, and which components it chooses within that one;
    empty if it stands for no class."""
    file = config_dir() / folder / f"{option}.yaml"
    named = all(part.isidentifier() for part in (*folder.split("/"), option))
    there = named and os.path.isfile(file)  # also asked of names that are too long for a file
    content = _yaml(file) if there else {}
    chosen = [entry for entry in content.pop("defaults", []) if isinstance(entry, dict)]
    inner = {name: {OPTION: choice} for entry in chosen for name, choice in entry.items()}
    return {**inner, **content} if TARGET in content else {}


def _stored_options(folder: str) -> str:
    """Those that stand for a class, which the others only build on."""
    return ", ".join(option for option in options(folder) if option_values(folder, option))


def _yaml(file: Path) -> Plain:
    """A config file of this package, not resolved."""
    return deepcopy(_loaded(file))


@cache
def _loaded(file: Path) -> Plain:
    content: Plain = OmegaConf.to_container(OmegaConf.load(file))  # type: ignore[assignment]
    return content
