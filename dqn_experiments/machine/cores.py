"""How many cores this process may use, of those that the machine has."""

import math
import os

from dqn_experiments.machine import cgroup

sharing = 1
"""Processes that have an even share each; see `dqn_experiments.machine.share`."""


def usable_cores() -> int:
    """Cores that affinity (taskset, Slurm) and the quotas of containers allow, at least 1.

    A fraction of a core counts as one more: a quota of 1.5 keeps two threads busy. Where processes
    share them it is this one's share.
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS and Windows
        allowed = os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, cgroup.cpu_quota())) // sharing)
