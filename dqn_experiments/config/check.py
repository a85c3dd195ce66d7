"""From a config to one that is known to work, before anything is built."""

from typing import Any, TypeVar

import pydantic
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel

from dqn_experiments.config.groups import GROUPS
from dqn_experiments.config.lookup import component, folder_of, nested, options_of
from dqn_experiments.config.protocol import PROTOCOL, check_applies
from dqn_experiments.config.roms import choices
from dqn_experiments.config.schema import CLOSED, RunConfig
from dqn_experiments.config.together import check_together
from dqn_experiments.config.wording import first_line, shown, unknown_keys, unresolved
from dqn_experiments.errors import ConfigError, UnknownKeysError

Schema = TypeVar("Schema", bound=BaseModel)
Plain = dict[str, Any]


def checked(config: DictConfig | Plain) -> DictConfig:
    """The config of a run with every value checked and in its declared type.

    Raises:
        ConfigError: one line that names the key, the value and what is allowed.
    """
    plain = _plain(config)
    run = {key: value for key, value in plain.items() if key not in GROUPS}
    result = _check(RunConfig, run, "", GROUPS).model_dump()
    check_applies(result[PROTOCOL], plain)
    for group in GROUPS:
        result[group] = _checked_component(group, plain.get(group), group, group)
    check_together(result)
    return OmegaConf.create(result)


def plain_config(config: DictConfig) -> Plain:
    """A checked config in plain values."""
    plain: Plain = OmegaConf.to_container(config)  # type: ignore[assignment]
    return plain


def checked_keys(schema: type[Schema], config: DictConfig | Plain, prefix: str = "") -> Schema:
    """The keys of a command, checked against its schema; raises ConfigError."""
    return _check(schema, _plain(config), prefix)


def _plain(config: DictConfig | Plain) -> Plain:
    try:
        config = config if isinstance(config, DictConfig) else OmegaConf.create(config)
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            raise ConfigError(f"{missing[0]}: no value given; set it with {missing[0]}=<value>")
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ConfigError(unresolved(error)) from error


def _checked_component(group: str, node: Any, key: str, folder: str) -> Plain:
    """The node of a component of `group`, which stands at `key` and has its options in `folder`."""
    if not isinstance(node, dict):
        chosen = f"{_choice(folder, key)}=<name>, one of {choices(folder)}"
        raise ConfigError(f"{key}={shown(node)}: must be chosen by {chosen}")
    node = dict(node)
    target = node.pop("_target_", None)
    found = component(group, target, key)
    inner, fields = nested(found), {}
    for name, parameter in options_of(found).items():
        kind = Any if parameter.annotation is parameter.empty else parameter.annotation
        if name in inner:
            place = f"{key}.{name}", folder_of(folder, name, inner[name])
            node[name] = _checked_component(inner[name], node.get(name), *place)
            kind = Plain
        fields[name] = (kind, ... if parameter.default is parameter.empty else parameter.default)
    for name, value in node.items():
        if name not in inner and _names_a_class(value):
            raise ConfigError(f"{key}.{name}: must be plain values, without a _target_")
    schema = pydantic.create_model(group, __config__=CLOSED, **fields)  # type: ignore[call-overload]
    return {"_target_": target, **_check(schema, node, f"{key}.").model_dump()}


def _names_a_class(value: Any) -> bool:
    """Whether a value holds something that Hydra would call, unchecked, to build it."""
    if isinstance(value, dict):
        return "_target_" in value or any(map(_names_a_class, value.values()))
    return isinstance(value, list) and any(map(_names_a_class, value))


def _choice(folder: str, key: str) -> str:
    """How a command line chooses one of the options in a folder for that place in the config."""
    return folder if folder.replace("/", ".") == key else f"{folder}@{key}"


def _check(
    schema: type[Schema], values: Plain, prefix: str, others: tuple[str, ...] = ()
) -> Schema:
    try:
        taken = schema.model_validate(values)
        _refuse_booleans(values, taken.model_dump(), prefix.removesuffix("."))
        return taken
    except pydantic.ValidationError as error:
        told, keys = first_line(error, schema, prefix, others), unknown_keys(error, prefix)
        raise (UnknownKeysError(told, keys) if keys else ConfigError(told)) from error


def _refuse_booleans(given: Any, taken: Any, key: str) -> None:
    """Where they were taken for numbers."""
    if isinstance(given, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
        raise ConfigError(f"{key}={shown(given)}: must be a number")
    if isinstance(given, dict) and isinstance(taken, dict):
        for name in filter(taken.__contains__, given):
            _refuse_booleans(given[name], taken[name], f"{key}.{name}" if key else str(name))
    if isinstance(given, list) and isinstance(taken, list | tuple):
        for number, pair in enumerate(zip(given, taken, strict=False)):
            _refuse_booleans(*pair, f"{key}.{number}")
