"""A job of a sweep is named by what it overrides, so that a grid that grows moves none."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

from dqn_experiments.run.free_keys import is_free

WITHOUT_OVERRIDES = "defaults"
LONGEST = 96  # characters of a name; Windows has 260 for a whole path
BETWEEN = "+"  # of one override and the next; neither this nor what follows needs quotes anywhere
PLAIN = re.compile(r"[a-z0-9_.-]*[a-z0-9_]")  # one case: not every system tells A from a


def what_is_overridden(overrides: Sequence[str], swept: Collection[str] = ()) -> dict[str, str]:
    """The overrides that make a job what it is, {key: value}, in the order of their keys.

    Left out is what may change when a run goes on, such as `total_steps`, and which sweep it was.

    Args:
        overrides: as a command line has them.
        swept: keys that tell the jobs of the sweep apart, and so stay in any case.
    """
    found = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key, name = override.get_key_element().lstrip("+"), override.key_or_group
        if name in swept or not (is_free(name) or name == "sweep"):
            found[key] = "" if override.is_delete() else override.get_value_element_as_str()
    return dict(sorted(found.items()))


def job_name(overrides: Sequence[str], swept: Collection[str] = ()) -> str:
    """The name of a job's directory: the same for the same values, in any order, on any system.

    One that is long or has characters that files should not have is cut to what can be read of
    it, what is swept first, and ends with a hash of all of it (`hash_of`).
    """
    parts = what_is_overridden(overrides, swept)
    if not parts:
        return WITHOUT_OVERRIDES
    items = [f"{key}-{value}" if value else key for key, value in parts.items()]
    name = BETWEEN.join(items)
    if len(name) <= LONGEST and all(map(PLAIN.fullmatch, items)):
        return name
    digest = "@" + hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    first = sorted(parts, key=lambda key: key.partition("@")[0] not in swept)
    readable = _readable({key: parts[key] for key in first})
    return readable[: LONGEST - len(digest)].rstrip(".-+") + digest


def hash_of(name: str) -> str | None:
    """What a name ends with that is cut, whatever is swept; None of one that is whole."""
    digest = name[-13:]
    return digest if digest.startswith("@") else None


def _readable(parts: Mapping[str, str]) -> str:
    """The last word of every key, and what is plain of every value."""
    items = [f"{re.split('[./]', key)[-1]}-{value}" for key, value in parts.items()]
    return BETWEEN.join(re.sub(r"[^A-Za-z0-9_.]+", "-", item).strip(".-") for item in items)
