"""From a composed config to one that is known to work, before anything is built.

A component's positional parameters are handed over by the run; its keyword-only parameters come
from its yaml. So the signature of the class that `_target_` names is the schema of its group.
"""

import inspect
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

import pydantic
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, DirectoryPath, Field

from dqn_experiments.constraints import Component, Count, OptionalCount, Seed, UnitInterval
from dqn_experiments.devices import Device, resolve
from dqn_experiments.env.roms import register_env_configs
from dqn_experiments.errors import ConfigError
from dqn_experiments.groups import GROUPS, config_dir

Schema = TypeVar("Schema", bound=BaseModel)
CLOSED = ConfigDict(extra="forbid")


class CheckpointConfig(BaseModel):
    """When checkpoints are written, in steps, and how many checkpoints stay besides the best."""

    model_config = CLOSED
    every: OptionalCount
    keep: Count


class RunConfig(BaseModel):
    """The run's own keys."""

    model_config = CLOSED
    seed: Seed
    device: Device
    deterministic: bool
    cpu_threads: Count | None
    resume: Annotated[str, Field(coerce_numbers_to_str=True)]
    total_steps: Count
    learning_starts: OptionalCount
    update_every: Count
    log_every: Count
    checkpoint: CheckpointConfig


class CheckpointChoice(BaseModel):
    """Which weights of which run a command plays with, and on what."""

    model_config = CLOSED
    run: DirectoryPath
    checkpoint: Annotated[str, Field(coerce_numbers_to_str=True)]
    device: Device
    epsilon: UnitInterval | None


class EvaluateConfig(CheckpointChoice):
    """The keys of `python -m dqn_experiments.evaluate`; None: as the run was configured."""

    episodes: Count | None
    num_envs: Count | None
    seed: Seed | None
    track: bool


class WatchConfig(CheckpointChoice):
    """The keys of `python -m dqn_experiments.watch`; None: as the run was configured."""

    seed: Seed
    render: Literal["video", "human"]


def options(schema: type[Schema], config: DictConfig) -> Schema:
    """The keys of a command, checked against its schema; raises ConfigError."""
    return _check(schema, _plain(config), prefix="")


def composed(*overrides: str) -> DictConfig:
    """The validated config of a training command line, for programs that have none.

    Raises:
        ConfigError: see `validated`.
        HydraException: if an override cannot be composed.
    """
    register_env_configs()
    with initialize_config_dir(config_dir()):
        return validated(compose("config", overrides=list(overrides)))


def validated(config: DictConfig) -> DictConfig:
    """The config with every value checked and in its declared type.

    Raises:
        ConfigError: one line that names the key, the value and what is allowed.
    """
    return checked(_plain(config))


def checked(config: dict[str, Any]) -> DictConfig:
    """The same for a config that is plain data, without interpolations."""
    run = {key: value for key, value in config.items() if key not in GROUPS}
    result = _check(RunConfig, run, prefix="").model_dump()
    for group in GROUPS:
        result[group] = _checked_component(group, config.get(group), key=group)
    _check_together(result)
    return OmegaConf.create(result)


def _plain(config: DictConfig) -> dict[str, Any]:
    try:
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            raise ConfigError(f"{missing[0]}: no value given; set it with {missing[0]}=<value>")
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from error


def component(group: str, target: Any, key: str | None = None) -> Any:
    """The class that a `_target_` names, from its group's own modules and nowhere else.

    `key` is where the component stands in the config, if not under the name of its group.

    Raises:
        ConfigError: if there is no such class there.
    """
    module, _, name = str(target).rpartition(".")
    package = f"dqn_experiments.{group}"
    parent, _, leaf = module.rpartition(".")
    known = parent == package and leaf.isidentifier() and find_spec(module) is not None
    found = getattr(import_module(module), name, None) if known else None
    if not (inspect.isclass(found) and found.__module__ == module):
        raise ConfigError(f"{key or group}._target_={target}: must be a class in {package}.*")
    return found


def options_of(target: type) -> dict[str, Any]:
    """What can be configured of a component, and the type of each."""
    options: dict[str, Any] = {}
    for parameter in inspect.signature(target, eval_str=True).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            untyped = parameter.annotation is parameter.empty
            options[parameter.name] = Any if untyped else parameter.annotation
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:  # **options: Unpack[TypedDict]
            (keys,) = get_args(parameter.annotation)
            options |= get_type_hints(keys, include_extras=True)
    return options


def _checked_component(group: str, node: Any, key: str) -> dict[str, Any]:
    if not isinstance(node, dict):
        choose = "" if key == group else f", chosen by {group}@{key}=<name>"
        raise ConfigError(f"{key}={node}: must be one of the files in conf/{group}{choose}")
    target = node.pop("_target_", None)
    fields: dict[str, Any] = {}
    for name, kind in options_of(component(group, target, key)).items():
        for mark in getattr(kind, "__metadata__", ()):
            if isinstance(mark, Component):
                node[name] = _checked_component(mark.group, node.get(name), f"{key}.{name}")
                kind = dict[str, Any]
        fields[name] = (kind, ...)
    schema = pydantic.create_model(group, __config__=CLOSED, **fields)
    return {"_target_": target, **_check(schema, node, prefix=f"{key}.").model_dump()}


def _check(schema: type[Schema], values: dict[str, Any], prefix: str) -> Schema:
    try:
        return schema.model_validate(values)
    except pydantic.ValidationError as error:
        raise ConfigError(_first_line(error, schema, prefix)) from error


def _first_line(error: pydantic.ValidationError, schema: type[BaseModel], prefix: str) -> str:
    first = error.errors(include_url=False)[0]
    key = prefix + ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        allowed = [*schema.model_fields, *(GROUPS if schema is RunConfig else ())]
        return f"{key}: unknown key; must be one of {', '.join(allowed)}"
    if first["type"] == "missing":
        return f"{key}: no value given"
    message = first["msg"].removeprefix("Value error, ")
    message = message.replace("Input should", "must").replace(" should ", " must ")
    return f"{key}={first['input']}: {message}"


def _check_together(config: dict[str, Any]) -> None:
    """What no single component can know."""
    env, buffer = config["env"], config["buffer"]
    starts, total, capacity = config["learning_starts"], config["total_steps"], buffer["capacity"]
    first_batch = env["num_envs"] * buffer["n_step"]
    one_transition = env["num_envs"] * (buffer["n_step"] + 2)
    device = resolve(config["device"]).type
    rules = (
        (
            f"learning_starts={starts}: must be less than total_steps={total}, "
            "or nothing is learned",
            starts < total,
        ),
        (
            f"learning_starts={starts}: must be at least {first_batch} "
            "(env.num_envs x buffer.n_step)",
            starts >= first_batch,
        ),
        (
            f"buffer.capacity={capacity}: must be at least buffer.batch_size="
            f"{buffer['batch_size']}",
            capacity >= buffer["batch_size"],
        ),
        (
            f"buffer.capacity={capacity}: must be at least {one_transition} "
            "(env.num_envs x (buffer.n_step + 2))",
            capacity >= one_transition,
        ),
        (
            f"learning_starts={starts}: must be at most buffer.capacity={capacity}",
            starts <= capacity,
        ),
        (
            f"buffer.device=cuda: must be auto or cpu, as the run trains on {device}",
            buffer["device"] != "cuda" or device == "cuda",
        ),
    )
    for message, holds in rules:
        if not holds:
            raise ConfigError(message)
    _check_observations(config)


def _check_observations(config: dict[str, Any]) -> None:
    """Whether the network can see what the environment shows."""
    played = component("env", config["env"]["_target_"])
    network = component("network", config["network"]["_target_"])
    accepts = getattr(network, "accepts", {played.observation_kind})
    if played.observation_kind not in accepts:
        name = network.__module__.rpartition(".")[2]
        raise ConfigError(
            f"network={name}: takes {' or '.join(sorted(accepts))} observations and the "
            f"environment shows {played.observation_kind}s; try network=mlp"
        )
