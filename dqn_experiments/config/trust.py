"""Whose classes a config may name: this project's own, and packages that a person has trusted.

A person trusts by a command's key `trust=[my_package]`, by the environment variable
DQN_EXPERIMENTS_TRUST=my_package,another, or by installing a package with an entry point in the
group `dqn_experiments`. A run directory never adds to that.
"""

import os
import re
from collections.abc import Iterable
from importlib.metadata import entry_points

from dqn_experiments.config.groups import GROUPS
from dqn_experiments.errors import ConfigError

VARIABLE = "DQN_EXPERIMENTS_TRUST"
ENTRY_POINTS = "dqn_experiments"

_named: set[str] = set()


def trust(*packages: str) -> None:
    """Let configs name classes of these packages, and environments that they register.

    Raises:
        ConfigError: if one is not the name of a package.
    """
    for package in packages:
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", package):
            raise ConfigError(f"trust={package}: must be names of packages, such as [my_package]")
    _named.update(packages)


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
    variable = os.environ.get(VARIABLE, "").split(",")
    installed = (point.value for point in entry_points(group=ENTRY_POINTS))
    return _named | set(_names(variable)) | set(_names(installed))


def _names(written: Iterable[str]) -> list[str]:
    return [name.strip() for name in written if name.strip()]
