"""Whose classes a config may name: this project's own, and packages that a person has trusted.

A person trusts by a command's key `trust=[my_package]`, by the environment variable
DQN_EXPERIMENTS_TRUST=my_package,another, or by installing a package with an entry point in the
group `dqn_experiments`. A run directory never adds to that.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import entry_points

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from dqn_experiments.config.groups import GROUPS
from dqn_experiments.errors import ConfigError

VARIABLE = "DQN_EXPERIMENTS_TRUST"
ENTRY_POINTS = "dqn_experiments"


def trust(*packages: str) -> None:
    """Let configs name classes of these packages, and environments that they register.

    From now on in this process, and in those that it starts: the jobs of a sweep.

    Raises:
        ConfigError: if one is not the name of a package.
    """
    for package in packages:
        if not isinstance(package, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", package):
            raise ConfigError(f"trust={package!s}: must be names of packages, such as [my_package]")
    os.environ[VARIABLE] = ",".join(dict.fromkeys([*_in_variable(), *packages]))


def trust_named(overrides: Iterable[str]) -> None:
    """Trust the packages that a person names on a command line; what is no override is passed over.

    These are the values of `trust`, and the module in `env.id=my_package:Game-v0`. What a config
    file says of trust counts for nothing, as it may be a stranger's.
    """
    parser = OverridesParser.create()
    for written in overrides:
        if written.startswith(("trust=", "env.id=")):
            with suppress(HydraException):  # which is told when all of it is composed
                override = parser.parse_override(written)
                sweep = override.is_sweep_override()
                for value in override.sweep_iterator() if sweep else [override.value()]:
                    _trust_value(override.key_or_group, value)


def _trust_value(key: str, value: object) -> None:
    if key == "env.id" and ":" in str(value):
        trust(str(value).partition(":")[0])
    elif key == "trust" and value is not None:
        trust(*(map(str, value) if isinstance(value, list) else [str(value)]))


def is_trusted(module: str) -> bool:
    """Whether a person has trusted that module or a package around it."""
    return any(module == package or module.startswith(f"{package}.") for package in _trusted())


def how_to_trust(module: str) -> str:
    """What a person can do who knows where `module` comes from."""
    package = module.partition(".")[0]
    return f"trust=[{package}] or {VARIABLE}={package} allows it, if you trust that package"


def execution_whitelist() -> tuple[str, ...]:
    """All that Hydra may instantiate."""
    own = (f"dqn_experiments.{group}" for group in GROUPS)
    return tuple(f"{package}.*" for package in (*own, *sorted(_trusted())))


def _trusted() -> set[str]:
    installed = (point.value.strip() for point in entry_points(group=ENTRY_POINTS))
    return {*_in_variable(), *installed}


def _in_variable() -> list[str]:
    names = os.environ.get(VARIABLE, "").split(",")
    return [name.strip() for name in names if name.strip()]
