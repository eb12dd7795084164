"""Keeps the processes small: glibc is told to give freed memory back."""

from __future__ import annotations

import ctypes

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def spare_memory() -> None:
    """Let large blocks (pictures, saved heats) go back to the system when they are freed, instead of being kept.

    The parent has a dozen threads, and each would else get an arena of its own that only grows. Does nothing where
    the C library has no `mallopt` (musl). The workers get the same by their environment, see the supervisor.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, 65536)
    mallopt(_M_TRIM_THRESHOLD, 131072)


def give_back() -> None:
    """Let what is free between blocks in use go back too.

    A grid is just below the size from which blocks are given back by themselves, and hundreds are held while the empty
    scene is learnt. To give each back by itself would cost a page fault for every 4 kB of every step. Does nothing
    where the C library has no `malloc_trim` (musl).
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
