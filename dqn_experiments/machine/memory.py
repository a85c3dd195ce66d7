"""How much memory there is, before it is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from dqn_experiments.errors import TrainingError

CGROUP = Path("/sys/fs/cgroup")


def available(device: torch.device) -> int:
    """Bytes that can still be had on the host, or on that GPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(psutil.virtual_memory().available, _container_limit())


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that there was not enough; torch has no class for the host's memory."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or "can't allocate memory" in str(error)


@contextmanager
def shortage_told(what_to_lower: Callable[[], str]) -> Iterator[None]:
    """Turns the want of memory into a TrainingError of one line."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        raise TrainingError(f"out of memory: free some, or {what_to_lower()}") from error


def _container_limit() -> int:
    """What the limits of containers and batch systems leave, in bytes."""
    own = CGROUP / own_group()
    groups = [group for group in (own, *own.parents) if group.is_relative_to(CGROUP)]
    return min(map(_left, groups))


def own_group() -> str:
    """This process's control group (Linux, version 2); empty where there is none."""
    try:
        return Path("/proc/self/cgroup").read_text().partition("0::/")[2].strip()
    except OSError:
        return ""


def _left(group: Path) -> int:
    try:
        limit = int((group / "memory.max").read_text())  # "max" is none
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 2**63
    return limit - used + int(stat.get("inactive_file", 0))  # page cache is given back when needed
