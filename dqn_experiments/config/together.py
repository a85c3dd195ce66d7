"""Which values do not go together, as no single component can know."""

import inspect
from typing import Any

from omegaconf import DictConfig

from dqn_experiments.config.components import build_rule
from dqn_experiments.config.lookup import component, folder_of, nested
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.contract import Rule
from dqn_experiments.machine.devices import resolve

NEEDED = {
    "env": ("num_envs", "max_frames"),
    "buffer": ("capacity", "batch_size", "n_step"),
    "evaluation": ("every", "episodes", "epsilon", "num_envs"),
}
"""Keys that every component of a group has, as the run reads or sets them itself."""

SEES_ANYTHING = {"network": "network=mlp", "augmentation": "augmentation=none"}


def check_together(config: dict[str, Any]) -> None:
    """Hold the values of a config, each of which is fine by itself, against one another.

    Raises:
        ConfigError: naming the first two that do not go together.
    """
    for group, keys in NEEDED.items():
        lacking = [key for key in keys if key not in config[group]]
        if lacking:
            target = config[group]["_target_"]
            raise ConfigError(f"{group}._target_={target}: must have {', '.join(lacking)} as keys")
    for message, holds in (
        *_sizes(config),
        *_devices(config),
        *_atoms(config),
        *_noise(config["network"]),
    ):
        if not holds:
            raise ConfigError(message)
    _check_observations(config)


def _sizes(config: dict[str, Any]) -> list[tuple[str, bool]]:
    buffer, num_envs = config["buffer"], config["env"]["num_envs"]
    starts, total, capacity = config["learning_starts"], config["total_steps"], buffer["capacity"]
    first_batch = num_envs * buffer["n_step"]
    one_transition = num_envs * (buffer["n_step"] + 2)
    return [
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
    ]


def _devices(config: dict[str, Any]) -> list[tuple[str, bool]]:
    device = resolve(config["device"]).type
    return [
        (
            f"buffer.device=cuda: must be auto or cpu, as the run trains on {device}",
            config["buffer"].get("device") != "cuda" or device == "cuda",
        )
    ]


def _atoms(config: dict[str, Any]) -> list[tuple[str, bool]]:
    low, high = (config["agent"].get(key) for key in ("v_min", "v_max"))
    both = isinstance(low, float) and isinstance(high, float)
    return [(f"agent.v_min={low}: must be less than agent.v_max={high}", not both or low < high)]


def _noise(network: dict[str, Any]) -> list[tuple[str, bool]]:
    told = "network.truncated_noise=true: must be false without network.noisy_sigma"
    silent = network.get("noisy_sigma", 0.0) is None
    return [(told, not (silent and network.get("truncated_noise") is True))]


def _check_observations(config: dict[str, Any]) -> None:
    """Whether network and augmentation can take what the environment shows."""
    shown = getattr(component("env", config["env"]["_target_"]), "observation_kind", "vector")
    network = component("network", config["network"]["_target_"])
    parts = {"network": network} | {
        folder_of("network", name, group): component(group, config["network"][name]["_target_"])
        for name, group in nested(network).items()
    }
    parts["augmentation"] = component("augmentation", config["augmentation"]["_target_"])
    for folder, part in parts.items():
        accepts = getattr(part, "accepts", {shown})
        if shown not in accepts:
            raise ConfigError(
                f"{_chosen(folder, part)}: takes {' or '.join(sorted(accepts))} observations and "
                f"the environment shows {shown}s; try {SEES_ANYTHING[folder.partition('/')[0]]}"
            )


def check_rule(config: DictConfig) -> None:
    """Whether a rule says what a run must know of it, and the network answers what it asks.

    Only a rule that is built tells, and building takes too long to be done with every check.

    Raises:
        ConfigError: naming what is lacking.
    """
    rule = build_rule(config)
    chosen = _chosen("agent", type(rule))
    lacking = [name for name in Rule.__annotations__ if not hasattr(rule, name)]
    if lacking:
        raise ConfigError(f"{chosen}: must have {', '.join(lacking)} as attributes")
    network: Any = component("network", config.network["_target_"])
    try:
        inspect.signature(network.forward).bind("self", "observation", "tau")
    except TypeError as error:
        if rule.implicit:
            raise ConfigError(
                f"{_chosen('network', network)}: must take (observation, tau), as {chosen} asks "
                "for quantiles at fractions tau"
            ) from error


def _chosen(folder: str, part: type) -> str:
    """What a command line says to choose that part."""
    module = part.__module__
    if module.startswith("dqn_experiments."):
        return f"{folder}={module.rpartition('.')[2]}"
    return f"{folder.replace('/', '.')}._target_={module}.{part.__qualname__}"
