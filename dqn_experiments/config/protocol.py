"""By which rules a game is played and scored: one name for what scores compare by.

A protocol is a file in `conf/protocol`, and what it sets is all that it is. Who departs from
a value of it keeps no bare name: what was scored is told as `nature, but env.noop_max=0`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from omegaconf import DictConfig, OmegaConf
from pydantic import AfterValidator

from dqn_experiments.config.groups import GROUPS, config_dir, options
from dqn_experiments.config.lookup import component, options_of
from dqn_experiments.config.wording import shown
from dqn_experiments.errors import ConfigError

PROTOCOL = "protocol"
"""The run's key, and the folder."""


def _known(name: str) -> str:
    names = [option for option in options(PROTOCOL) if option != "none"]
    if name not in names:
        raise ValueError(f"must be null or one of {', '.join(names)}")
    return name


ProtocolName = Annotated[str, AfterValidator(_known)]


def values_of(protocol: str) -> dict[str, Any]:
    """What a protocol sets, by dotted key such as `env.noop_max`."""
    content: Any = OmegaConf.to_container(
        OmegaConf.load(config_dir() / PROTOCOL / f"{protocol}.yaml")
    )
    del content[PROTOCOL]
    values = {}
    for key, node in content.items():
        below = node if isinstance(node, dict) else {None: node}
        values.update({".".join(filter(None, (key, name))): below[name] for name in below})
    return values


def check_applies(protocol: str | None, config: Mapping[str, Any]) -> None:
    """Refuse a protocol for components that have not all of its keys; raises ConfigError."""
    for place in values_of(protocol) if protocol else ():
        group, _, key = place.partition(".")
        node = config.get(group)
        if group not in GROUPS or not isinstance(node, Mapping):
            continue
        if key not in options_of(component(group, node.get("_target_"))):
            raise ConfigError(
                f"protocol={protocol}: sets {place}, and this {group} has no such key; "
                "must be left out, or protocol=none"
            )


def protocol_told(config: DictConfig, max_frames: int | None = None) -> str | None:
    """The name of a checked config's protocol and all in which it departs from it.

    `max_frames` takes the place of `evaluation.max_frames`.
    """
    if config.protocol is None:
        return None
    departures = []
    for place, value in values_of(config.protocol).items():
        found = OmegaConf.select(config, place)
        if place == "evaluation.max_frames" and max_frames is not None:
            found = max_frames
        if found != value:
            departures.append(f"{place}={shown(found)}")
    return str(config.protocol) + (f", but {', '.join(departures)}" if departures else "")
