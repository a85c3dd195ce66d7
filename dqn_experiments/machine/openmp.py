"""How torch's threads wait for each other, alone and beside others.

At the end of each kernel they do. GCC's OpenMP lets them spin for some milliseconds first, which is
fastest on idle cores; beside anything else that runs, whoever spins holds the core of the one that
is waited for.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

import torch

log = logging.getLogger(__name__)

SAID_BY_THE_USER = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
SECONDS_BETWEEN_LOOKS = 1.0
CROWDED = 0.2
"""Share of the time in which a thread has work but no core: seen were 0.02 to 0.08 alone, 0.3 to
0.5 beside a process that keeps one of two cores busy."""
GRAIN = 2**16
"""Elements of which torch gives each thread some."""


@contextmanager
def threads_that_make_room() -> Iterator[None]:
    """Let torch's threads sleep instead of spinning while others want the cores of this thread.

    Where the system does not tell, or the environment says how to wait, they wait as they would.
    """
    waited = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    if not waited.exists() or any(name in os.environ for name in SAID_BY_THE_USER):
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(waited, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(waited: Path, over: threading.Event) -> None:
    """Make room whenever it is crowded, until it is over."""
    with waited.open("rb", buffering=0) as file, ExitStack() as room:
        told = made = False
        then, before = time.monotonic(), _seconds(file)
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            now, by_now = time.monotonic(), _seconds(file)
            crowded = by_now - before > CROWDED * (now - then)
            then, before = now, by_now
            if crowded and not made:
                room.enter_context(sleeping_threads())
            elif made and not crowded:
                room.close()
            if crowded and not told:
                log.info("others want the same cores: torch's threads sleep while they wait")
            made, told = crowded, told or crowded


def _seconds(schedstat: FileIO) -> float:
    """For which a thread has been ready to run, and was not let."""
    return int(os.pread(schedstat.fileno(), 100, 0).split()[1]) / 1e9


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Let torch's threads sleep as soon as they wait, for a while.

    GCC's OpenMP does so as long as there are more threads of its own than cores. So here are some
    that have nothing to do.
    """
    ready, over = threading.Event(), threading.Event()
    owner = threading.Thread(target=_own_threads, args=(ready, over), daemon=True)
    owner.start()
    ready.wait()
    try:
        yield
    finally:
        over.set()
        owner.join()


def _own_threads(ready: threading.Event, over: threading.Event) -> None:
    """Threads are a thread's own in OpenMP, from its first kernel on until it ends."""
    as_before, many = torch.get_num_threads(), len(os.sched_getaffinity(0)) + 1
    torch.set_num_threads(many)
    torch.zeros(many * GRAIN).add_(1)
    torch.set_num_threads(as_before)
    ready.set()
    over.wait()
