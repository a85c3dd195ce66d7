"""What a person writes to change a config, and what is wrong with it before Hydra composes it.

Here are the mistakes of which Hydra names no key, or nothing that can be done; it tells the others.
"""

import re
from collections.abc import Sequence
from itertools import islice
from math import prod
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, QuotedString, RangeSweep
from hydra.errors import HydraException

from dqn_experiments.config.groups import config_dir, folders
from dqn_experiments.config.roms import choices
from dqn_experiments.errors import ConfigError

MOVED = {"schedule@buffer.beta": "buffer/beta"}
"""How the options of a component were chosen in former versions, and how they are now."""

DIRECTORIES = {
    "resume": "auto or the directory of a run",
    "hydra.run.dir": "a directory",
    "hydra.sweep.dir": "a directory",
}
"""Keys that say where a run lies, and what they may be."""

WITHOUT = {
    "experiment": "left out, there is none",
    "variant": "variant=none changes nothing",
    "sweep": "left out, there is none",
    "tracker": "tracker.mode=disabled sends nothing",
    "evaluation": "evaluation.every=0 scores the agent only at the end",
    "protocol": "protocol=none goes by the keys of env and evaluation alone",
}
"""What somebody means who chooses none of a group's options."""

ON_TOP = ("experiment", "variant", "sweep")
"""Groups that change what others chose: none is needed, and several of one may be chosen."""

MOST_JOBS = 100_000  # of a sweep; Hydra lists them all before the first begins


def check_overrides(
    overrides: Sequence[str], own: Path | None = None, has_groups: bool = True
) -> None:
    """Refuse what cannot work.

    Args:
        overrides: such as `env=pong`, `~env.kwargs.size`.
        own: a folder of a person's own configs.
        has_groups: whether it is a run's config that they change.

    Raises:
        ConfigError: naming the first of them, and what is allowed.
    """
    parser = OverridesParser.create()
    searches = own is not None or any(map(_brings_a_sweeper, overrides))
    values_of: dict[str, int] = {}  # each key that is swept over
    for written in overrides:
        override = _parsed(parser, written)
        if override.key_or_group in ("", "hydra"):
            raise ConfigError(f"{written}: must be <key>=<value>, such as hydra.run.dir=outputs/a")
        if override.key_or_group in DIRECTORIES:
            _check_directory(override)
        if override.key_or_group == "hydra.verbose":
            _check_verbose(override)
        _check_group(override, own, has_groups)
        if override.is_interval_sweep() and not searches:
            told = "needs a sweeper that searches: hydra/sweeper=halving or optuna"
            raise ConfigError(f"{written}: {told}")
        if override.is_sweep_override() and not searches:
            values_of[override.get_key_element()] = len(_values(override, [])) or 1  # of a glob
            if prod(values_of.values()) > MOST_JOBS:
                told = f"makes more than {MOST_JOBS:,} jobs of the sweep; must be fewer"
                raise ConfigError(f"{written}: {told}")


def _brings_a_sweeper(override: str) -> bool:
    """Whether a command line chooses a sweeper that searches, or a ready sweep that does."""
    group, _, value = override.partition("=")
    if group != "sweep":
        return group == "hydra/sweeper" and value != "basic"
    files = [config_dir() / group / f"{name}.yaml" for name in re.findall(r"\w+", value)]
    return any("/hydra/sweeper" in file.read_text() for file in files if file.is_file())


def _check_group(override: Override, own: Path | None, has_groups: bool) -> None:
    """Refuse a choice from a group that is not one."""
    group, written = override.key_or_group, override.input_line
    place = f"{group}@{override.package}"
    if group in folders() and not has_groups:
        raise ConfigError(f"{written}: must be left out; a run has its own")
    if place in MOVED:
        told = f"is chosen by {MOVED[place]}=<name>; must be one of {choices(MOVED[place], own)}"
        raise ConfigError(f"{written}: {told}")
    if group in folders() and override.package is None:
        _check_choice(override, own)
    elif "/" in group and not override.is_delete() and override.value() is None:
        raise ConfigError(f"{written}: must be the name of an option")
    elif override.is_sweep_override() and not _values(override, []):
        raise ConfigError(f"{written}: has no values; must have at least one")


def _parsed(parser: OverridesParser, written: str) -> Override:
    try:
        return parser.parse_override(written)
    except HydraException as error:
        reason = str(error).splitlines()[0].partition(" expecting")[0]
        reason = f" ({reason})" if reason and "Lexer" not in reason else ""
        raise ConfigError(
            f"{written}: cannot be read as <key>=<value>{reason}; what has special characters "
            "needs two pairs of quotes, as in 'tracker.name=\"a, b\"'"
        ) from error


def _check_directory(override: Override) -> None:
    values = [None] if override.is_delete() else _values(override, [])
    for value in values:
        if value is None or isinstance(value, list | dict) or str(value) == "":
            told = f"must be {DIRECTORIES[override.key_or_group]}"
            raise ConfigError(f"{override.input_line}: {told}")


def _check_verbose(override: Override) -> None:
    value = override.value()
    names = value if isinstance(value, list) else [value]
    if not isinstance(value, bool) and not all(isinstance(name, str) for name in names):
        told = "must be true, false, or names of loggers, such as [dqn_experiments]"
        raise ConfigError(f"{override.input_line}: {told}")


def _check_choice(override: Override, own: Path | None) -> None:
    """Hold what is chosen of a group against what can be; unknown names are Hydra's to tell."""
    group, written = override.key_or_group, override.input_line
    allowed = f"must be one of {choices(group, own)}"
    if group in WITHOUT:
        allowed += f"; {WITHOUT[group]}"
    if override.is_delete():
        if group not in ON_TOP:
            raise ConfigError(f"{written}: cannot be left out; {allowed}")
        return
    if override.is_add() or override.is_force_add():
        raise ConfigError(f"{written}: must be without a sign, {str(written).lstrip('+')}")
    values = _values(override, choices(group, own).split(", "))
    if not values:
        raise ConfigError(f"{written}: is none of them; {allowed}")
    for value in values:
        names = value if group in ON_TOP and isinstance(value, list) else [value]
        merged = isinstance(value, dict) and group not in ON_TOP  # keys of what is chosen
        if not merged and not all(isinstance(name, str | QuotedString) for name in names):
            raise ConfigError(f"{written}: {allowed}")


def _values(override: Override, names: list[str]) -> list[object]:
    """What an override sets its key to, one value after the other; of a glob those of `names`."""
    if not override.is_sweep_override():
        return [override.value()]
    glob = override.value()
    if isinstance(glob, Glob):
        return list(glob.filter(names))
    if override.is_interval_sweep():
        return [glob]
    # a range in order, as shuffling lists all of it, and it may be endless
    values = glob if isinstance(glob, RangeSweep) else override.sweep_iterator()
    try:
        return list(islice(values, MOST_JOBS + 1))
    except ArithmeticError as error:
        raise ConfigError(f"{override.input_line}: must go from a number to a number") from error
    except (HydraException, ValueError) as error:
        raise ConfigError(f"{override.input_line}: {error}") from error
