"""What is wrong, in one line."""

from collections.abc import Sequence
from difflib import get_close_matches

from hydra.errors import MissingConfigException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException


def one_line(error: BaseException) -> str:
    """What is wrong, which key, and what is allowed."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.partition("/")
        return f"{group}={choice}: {_choices(choice, error.options)}"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and cause.parent_node is not None:
        allowed = [str(key) for key in cause.parent_node]
        if not allowed:
            return f"{cause.full_key}: is not there yet; add it with +{cause.full_key}=<value>"
        return f"{cause.full_key}: unknown key; {_choices(str(cause.key), allowed)}"
    return " ".join(str(error).split())


def _choices(wrong: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(wrong, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}must be one of {', '.join(allowed)}"
