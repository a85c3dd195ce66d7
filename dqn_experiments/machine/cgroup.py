"""What the control groups around this process leave to it (Linux): containers and batch systems.

Version 1 has a hierarchy of groups for each controller, version 2 one for all of them, and a system
may have both. A group is a folder, and its limits hold for all groups below it too. Elsewhere, and
where nothing can be read, there is no limit.
"""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc/self")

MEMBER = re.compile(r"\d+:(?P<controllers>[^:]*):(?P<path>/.*)")
"""A line of /proc/self/cgroup; version 2's names no controllers."""

MOUNT = re.compile(
    r"\d+ \d+ \S+ (?P<root>\S+) (?P<point>\S+) .*- (?P<kind>cgroup2?) (.* )?(?P<options>\S+)"
)
"""A line of /proc/self/mountinfo; version 1 has its controllers among the options."""

MEMORY = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Limit, use, and the entry of memory.stat for the page cache that is given back when needed."""


class Mount(NamedTuple):
    """Where groups are seen: `root` and those below it, as folders at `point`."""

    root: Path
    point: Path


def memory_left() -> float:
    """Bytes that this process may still take; infinite where no limit is."""
    return max(0, min(map(_memory_left, _groups("memory")), default=math.inf))


def cpu_quota() -> float:
    """Cores' worth of time that this process gets, such as 1.5; infinite where no limit is."""
    return min(map(_cpu_quota, _groups("cpu")), default=math.inf)


def _memory_left(group: Path) -> float:
    for limit, used, cache in MEMORY:
        allowed = _number(_text(group / limit))  # version 2 says max, version 1 a giant number
        if allowed is not None:
            given_back = re.search(rf"^{cache} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
            taken = _number(_text(group / used)) or 0
            return allowed - taken + int(given_back[1] if given_back else 0)
    return math.inf


def _cpu_quota(group: Path) -> float:
    quota, _, period = _text(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = (_text(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    time, of = _number(quota), _number(period)  # without a quota version 2 says max, version 1 -1
    return time / of if time and time > 0 and of else math.inf


def _groups(controller: str) -> Iterator[Path]:
    """The folders of this process's groups of a controller, and of those around them."""
    for member in filter(None, map(MEMBER.fullmatch, _text(PROC / "cgroup").split("\n"))):
        controllers = member["controllers"].split(",")
        if controllers == [""] or controller in controllers:
            mounts = list(_mounts(None if controllers == [""] else controller))
            shown = [found for mount in mounts for found in _shown(Path(member["path"]), mount)]
            # a container may be told a path of the host's; then what it sees is its own group
            yield from shown or [mount.point for mount in mounts[:1]]


def _mounts(controller: str | None) -> Iterator[Mount]:
    """Where version 1's hierarchy of a controller is mounted; None: version 2's."""
    for mount in filter(None, map(MOUNT.fullmatch, _text(PROC / "mountinfo").split("\n"))):
        if mount["kind"] == "cgroup2":
            wanted = controller is None
        else:
            wanted = controller in mount["options"].split(",")
        if wanted:
            yield Mount(_unescaped(mount["root"]), _unescaped(mount["point"]))


def _shown(group: Path, mount: Mount) -> list[Path]:
    """The folders of a group and of those around it, from the inside out, if it is seen there."""
    if not group.is_relative_to(mount.root):
        return []
    below = group.relative_to(mount.root)
    folder = mount.point / below
    if ".." in below.parts or not os.path.isdir(folder):
        return []
    return [folder, *list(folder.parents)[: len(below.parts)]]


def _unescaped(path: str) -> Path:
    """A path of mountinfo, where blanks are written as \\040."""
    return Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path))


def _text(file: Path) -> str:
    """What a file of the kernel's says, without blanks around; nothing where it cannot be read."""
    try:
        return os.fsdecode(file.read_bytes()).strip()
    except OSError:
        return ""


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else None
