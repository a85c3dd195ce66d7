"""How much memory there is, before it is asked for."""

from pathlib import Path

import psutil
import torch

CGROUP = Path("/sys/fs/cgroup")


def available(device: torch.device) -> int:
    """Bytes that can still be had on the host, or on that GPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(psutil.virtual_memory().available, _container_limit())


def _container_limit() -> int:
    """What the nearest limit of a container or a batch system leaves, in bytes."""
    try:
        own = Path("/proc/self/cgroup").read_text().strip().rpartition("::/")[2]
    except OSError:
        own = ""
    groups = [CGROUP / own, *(CGROUP / own).parents]
    return min((_left(group) for group in groups if group.is_relative_to(CGROUP)), default=2**63)


def _left(group: Path) -> int:
    try:
        limit = int((group / "memory.max").read_text())  # "max" is none
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 2**63
    return limit - used + int(stat.get("inactive_file", 0))  # page cache is given back when needed
