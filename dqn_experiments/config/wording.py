"""How a value that is refused is told: key, value, and what is allowed, as one writes them."""

import json
from typing import TYPE_CHECKING, Any

from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

if TYPE_CHECKING:  # --help would wait for it
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails


def printable(text: str) -> str:
    """A text of a stranger's without what would steer a terminal or cannot be written as UTF-8."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def shown(value: object) -> str:
    """A value as a command line has it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def first_line(
    error: "ValidationError",
    schema: "type[BaseModel]",
    prefix: str,
    others: tuple[str, ...] = (),
) -> str:
    """The first of the errors.

    Args:
        error: pydantic's.
        schema: what the values were held against.
        prefix: of its keys, such as `optimizer.`.
        others: keys that are known beside those of the schema.
    """
    first = error.errors(include_url=False)[0]
    *parents, last = first["loc"]
    key = prefix + ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        allowed = [*_keys(schema, parents), *(() if parents else others)]
        keys = unknown_keys(error, prefix)
        what = f"{', '.join(keys)}: unknown {'keys' if len(keys) > 1 else 'key'}"
        return f"{what}; must be one of {', '.join(allowed)}"
    if first["type"] == "missing" and not isinstance(last, int):
        below = _keys(schema, first["loc"])
        return f"{key}: no value given; set it with {'.'.join([key, *below[:1]])}=<value>"
    if first["type"] == "missing":  # the second of a pair, say
        key, first["msg"] = key.rpartition(".")[0], "must have more values"
    if first["type"] == "model_type":
        keys = [f"{key}.{name}" for name in _keys(schema, first["loc"])]
        return f"{key}={shown(first['input'])}: must be set by {', '.join(keys)}"
    return f"{key}={shown(first['input'])}: {_message(first)}"


def unknown_keys(error: "ValidationError", prefix: str) -> list[str]:
    """Those that are there beside the first one, which is told of; none if it is not unknown."""
    errors = error.errors(include_url=False)
    place = errors[0]["loc"][:-1]
    return [
        prefix + ".".join(map(str, each["loc"]))
        for each in errors
        if {each["type"], errors[0]["type"]} == {"extra_forbidden"} and each["loc"][:-1] == place
    ]


def unresolved(error: OmegaConfBaseException) -> str:
    """Why the value of a key cannot be found or taken."""
    reason = str(error).splitlines()[0]
    if isinstance(error, InterpolationKeyError):
        reason += "; must be another key of the config, as in ${seed}"
    return f"{error.full_key}: {reason}" if error.full_key else reason


def _keys(schema: Any, place: Any) -> list[str]:
    """Those of the schema, or of one that it has at that place; none of a plain value."""
    for name in place:
        schema = schema.model_fields[name].annotation
    return list(getattr(schema, "model_fields", ()))


def _message(error: "ErrorDetails") -> str:
    """pydantic's, without the words of its own."""
    message = error["msg"].removeprefix("Value error, ")
    message = message.replace("Input should", "must").replace(" should ", " must ")
    message = message.replace("valid tuple", "valid list")
    if "path" in error["type"]:
        message = "must be a directory"
    if error["type"] == "string_type" and isinstance(error["input"], bool | int | float):
        message += f", in two pairs of quotes: '\"{shown(error['input'])}\"'"
    return message
