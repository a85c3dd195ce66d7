"""What is wrong, in one line."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import MarkedYAMLError

from dqn_experiments.config.groups import folders
from dqn_experiments.config.overrides import MOVED
from dqn_experiments.config.roms import choices
from dqn_experiments.config.wording import unresolved

INSTEAD = {"buffer/beta": "buffer=prioritized buffer.alpha=0 draws uniformly"}
"""Of a part that a recipe chooses: what a person may want who has chosen another component."""


def one_line(error: BaseException) -> str:
    """What is wrong, which key, and what is allowed."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(error)
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{mark.name}: cannot be read as yaml ({error.problem}, line {mark.line + 1})"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and cause.parent_node is not None:
        return _unknown(cause)
    if isinstance(error, ConfigCompositionException) and (told := _no_part(str(error))):
        return told
    if isinstance(error, OmegaConfBaseException):
        return " ".join(unresolved(error).split())
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(cause, OmegaConfBaseException) and message.startswith("Error merging override "):
        message = message.removeprefix("Error merging override ")
        return f"{message}: {str(cause).splitlines()[0]}"
    return message


def _missing(error: MissingConfigException) -> str:
    """A file of configs that is not there, chosen by a command line or named in another file."""
    group, _, choice = str(error.missing_cfg_file).rpartition("/")
    known = error.options or (choices(group).split(", ") if group in folders() else [])
    options = [each for each in known if not each.startswith("_")]  # parts of others
    where = "" if error.options else str(error).splitlines()[0]
    named_in = re.match(r"In '(?!config')\S+'", where)
    told = f"{group}={choice}: {_choices(choice, options)}" if group and options else where
    if group.startswith(("hydra/launcher", "hydra/sweeper")):
        return f"{told}; pip install 'dqn_experiments[sweeps,ray]' brings others"
    return f"{named_in[0]}: {told}" if named_in and told is not where else told


def _unknown(cause: ConfigKeyError | ConfigAttributeError) -> str:
    key = str(cause.full_key)
    if "/" in key:
        return f"{key}: unknown group; {_choices(key, folders())}"
    allowed = [str(key) for key in cause.parent_node or () if key not in ("_target_", "hydra")]
    if cause.parent_node:
        around = key.rpartition(".")[0]
        return f"{key}: unknown key; " + (
            _choices(str(cause.key), allowed) if allowed else f"{around} has none"
        )
    return f"{key}: is not there yet; add it with +{key}=<value>"


def _no_part(message: str) -> str | None:
    """A part of a component that is to be another one, where what is chosen has no such part."""
    of_a_file = re.match(r"In '(\S+)/(\S+)': Invalid Defaults List override '/(\S+): \S+'", message)
    if of_a_file:
        folder, name, part = of_a_file.groups()
        told = f"{folder}={name}: chooses {_lacking(part)}"
        return f"{told}; {INSTEAD[part]}" if part in INSTEAD else told
    found = re.match(r"(?:In '\S+': )?Could not override '([^'@]+)(?:@([^']+))?'", message)
    if not found:
        return None
    folder, place = found.groups()
    if place and f"{folder}@{place}" in MOVED:
        return f"{folder}@{place}: is chosen by {MOVED[f'{folder}@{place}']}=<name>"
    if place or "/" not in folder:
        return None
    return _lacking(folder)


def _lacking(folder: str) -> str:
    group, _, part = folder.rpartition("/")
    return f"{folder}: the {group} that is chosen has no {part}; must be of one that has"


def _choices(wrong: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(wrong, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}must be one of {', '.join(allowed)}"
