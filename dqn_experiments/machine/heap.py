"""How the C library gives memory back."""

import ctypes
from functools import cache

MIB = 2**20
# of glibc's malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3


@cache
def keep_freed_memory() -> None:
    """Let what torch frees in an update be there for the next one.

    By itself glibc often hands it to the system, which hands it out again page by page, each
    cleared first: a third of the time of an update of Rainbow's. Blocks of more than 32 MiB still
    go back at once, and so does what lies unused beyond 512 MiB. Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(MMAP_THRESHOLD, 32 * MIB)  # the most that it takes
    mallopt(TRIM_THRESHOLD, 512 * MIB)
    mallopt(TOP_PAD, 64 * MIB)
