"""The classes that a config may name, and what can be configured of them.

A component's positional parameters are handed over by the run; its keyword-only parameters come
from its yaml. So the signature of the class that `_target_` names is the schema of its group.
"""

import inspect
from functools import cache
from importlib import import_module
from inspect import Parameter
from typing import Any, NotRequired, get_args, get_origin, get_type_hints

import yaml

from dqn_experiments.config.constraints import Component, Default
from dqn_experiments.config.groups import config_dir
from dqn_experiments.config.trust import how_to_trust, is_trusted
from dqn_experiments.errors import ConfigError


def component(group: str, target: Any, key: str | None = None) -> type:
    """The class that a `_target_` names: of its group's own modules, or of a trusted package.

    `key` is where the component stands in the config, if not under the name of its group.

    Raises:
        ConfigError: if there is no such class, or nobody trusts it.
    """
    module, _, name = str(target).rpartition(".")
    package = f"dqn_experiments.{group.replace('/', '.')}"
    if target is None:
        raise ConfigError(
            f"{key or group}._target_: no value given; must be a class in {package}.*"
        )
    own = str(target) in _targets(group)
    told = f"{key or group}._target_={target}: must be a class in {package}.*"
    if not (own or is_trusted(module)):
        foreign = module and not f"{module}.".startswith("dqn_experiments.")
        raise ConfigError(told + (f"; {how_to_trust(module)}" if foreign else ""))
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:  # of whatever a package does when it is imported
        raise ConfigError(f"{told}, and {module} cannot be imported ({error})") from error
    if not inspect.isclass(found) or not (own or is_trusted(found.__module__)):
        raise ConfigError(f"{told} or in {module}, which has none of that name")
    return found


@cache
def _targets(group: str) -> frozenset[str]:
    """The classes that the yamls of a group name."""
    files = (config_dir() / group).glob("*.yaml")
    return frozenset(str(yaml.safe_load(file.read_text("utf-8")).get("_target_")) for file in files)


def options_of(target: type) -> dict[str, Parameter]:
    """What can be configured of a component: its keyword-only parameters, with their types."""
    options: dict[str, Parameter] = {}
    for parameter in _parameters(target):
        if parameter.kind is Parameter.KEYWORD_ONLY:
            options[parameter.name] = parameter
        elif parameter.kind is Parameter.VAR_KEYWORD:  # **options: Unpack[TypedDict]
            for keys in get_args(parameter.annotation):
                for name, kind in get_type_hints(keys, include_extras=True).items():
                    options[name] = _option(name, kind)
    return options


def _option(name: str, kind: Any) -> Parameter:
    """A key of a TypedDict as a parameter, with its marked default if it has one."""
    if get_origin(kind) is NotRequired:
        (kind,) = get_args(kind)
    marks = (mark for mark in getattr(kind, "__metadata__", ()) if isinstance(mark, Default))
    default = next((mark.value for mark in marks), Parameter.empty)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def nested(target: type) -> dict[str, str]:
    """The options of a component that are components themselves, and the group of each."""
    return {
        name: mark.group
        for name, parameter in options_of(target).items()
        for mark in getattr(parameter.annotation, "__metadata__", ())
        if isinstance(mark, Component)
    }


def folder_of(outer: str, name: str, group: str) -> str:
    """Where the options of a component within a component lie.

    That is a folder of its own (`buffer/beta`), as what suits one place need not suit another; or
    its group's, where `conf/` has none.

    Args:
        outer: the folder of the component around it.
        name: its key there.
        group: whose classes it is of.
    """
    own = f"{outer}/{name}"
    return own if (config_dir() / own).is_dir() else group


def is_handed_something(target: type) -> bool:
    """Whether a component has parameters that are not configured."""
    return any(
        parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL)
        for parameter in _parameters(target)
    )


def _parameters(target: type) -> list[Parameter]:
    return list(inspect.signature(target, eval_str=True).parameters.values())
