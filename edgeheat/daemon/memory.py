"""Makes glibc return freed memory to the system, to keep the processes small."""

from __future__ import annotations

import ctypes

# Names and values of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def spare_memory() -> None:
    """Make large blocks (pictures, saved heats) return to the system as soon as they are freed.

    The parent has a dozen threads, and each would otherwise get an arena of its own that only grows. Does nothing where
    the C library has no `mallopt` (musl). The workers get the same settings from their environment, see fork_server.py.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, 65536)
    mallopt(_M_TRIM_THRESHOLD, 131072)


def give_back() -> None:
    """Return the free memory between blocks in use to the system.

    A grid is just below the size from which freed blocks are returned one by one, and hundreds are held while the
    background is learned. Returning each by itself would cost a page fault for every 4 kB in every step. Does nothing
    where the C library has no `malloc_trim` (musl).
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
