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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch

log = logging.getLogger(__name__)

PROCESS = Path("/proc/self")
SAID_BY_THE_USER = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
SECONDS_BETWEEN_LOOKS = 1.0
CROWDED, QUIET = 0.2, 0.1
"""Share of the time in which a thread has work but no core. Seen were up to 0.1 alone, and 0.3 to
0.5 beside a process that keeps one of two cores busy, whether threads spin or sleep."""
GRAIN = 2**16
"""Elements of which torch gives each thread some."""
MOST_TEAMS = 16


@contextmanager
def threads_that_make_room(threads: int) -> Iterator[None]:
    """Let torch's threads sleep instead of spinning while there are more to run than cores.

    They wait as they would by themselves where the system does not tell, where the environment says
    how to wait, and where they are so few that most cores are others' anyway.

    Args:
        threads: of torch's in this thread.
    """
    told_how = any(name in os.environ for name in SAID_BY_THE_USER)
    if told_how or not (PROCESS / "schedstat").exists() or not idle_teams(threads):
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(PROCESS / "task", threads, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(tasks: Path, threads: int, over: threading.Event) -> None:
    """Make room whenever it is crowded, until it is over."""
    told = made = False
    then, before = time.monotonic(), _waited(tasks)
    with ExitStack() as room:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            now, by_now = time.monotonic(), _waited(tasks)
            waits = [by_now[task] - before[task] for task in by_now.keys() & before.keys()]
            share = max(waits, default=0.0) / (now - then)
            then, before = now, by_now
            if not made and share > CROWDED:
                try:
                    room.enter_context(sleeping_threads(threads))
                except RuntimeError:  # no more threads, or no memory
                    return
                if not told:
                    log.info("more to run than cores: torch's threads sleep while they wait")
                told = made = True
            elif made and share < QUIET:
                room.close()
                made = False


def _waited(tasks: Path) -> dict[str, float]:
    """Seconds for which each thread of this process has been ready to run, and was not let."""
    seconds = {}
    for task in tasks.iterdir():
        with suppress(OSError):  # it has ended
            seconds[task.name] = int((task / "schedstat").read_bytes().split()[1]) / 1e9
    return seconds


def idle_teams(threads: int) -> int:
    """How many teams of that size make more threads than cores beside one that works.

    0 if there are more already, or if it takes too many. Owners of teams do not count.
    """
    teams = -(-(len(os.sched_getaffinity(0)) - threads + 1) // (threads - 1)) if threads > 1 else 0
    return teams if teams <= MOST_TEAMS else 0


@contextmanager
def sleeping_threads(threads: int) -> Iterator[None]:
    """Let torch's threads, of which there are so many, sleep soon when they wait, for a while.

    GCC's OpenMP does so as long as there are more threads of its own than cores. So here are some
    that have nothing to do. Raises RuntimeError if they cannot be had.
    """
    over, ready = threading.Event(), threading.Semaphore(0)
    failed: list[RuntimeError] = []

    def own_a_team() -> None:
        """A thread's team is its own in OpenMP, from its first kernel on until it ends."""
        try:
            torch.zeros(threads * GRAIN).add_(1)
        except RuntimeError as error:
            failed.append(error)
        ready.release()
        over.wait()

    owners = [threading.Thread(target=own_a_team, daemon=True) for _ in range(idle_teams(threads))]
    started = []
    try:
        for owner in owners:
            owner.start()
            started.append(owner)
            ready.acquire()
            if failed:
                raise failed[0]
        yield
    finally:
        over.set()
        for owner in started:
            owner.join()
