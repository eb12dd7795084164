"""Configures how much freed memory glibc's malloc keeps, and returns what it keeps to the system on request."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

# Names and values of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def configure_malloc() -> None:
    """Configure this process so that large blocks (pictures, saved heats) return to the system once they are freed.

    For the parent, which has a dozen threads; otherwise each would have an arena of its own that only grows. Does
    nothing where the C library has no `mallopt` (musl). The child processes are configured by their environment, see
    fork_server.py.
    """
    _set({_M_ARENA_MAX: 1, _M_MMAP_THRESHOLD: 65536, _M_TRIM_THRESHOLD: 131072})


def reuse_freed_memory() -> None:
    """Configure this process so that it keeps freed blocks of up to a megabyte and uses them again.

    For a child process that reads hundreds of tiles and then ends. With the settings of a camera's worker, the system
    clears each block anew, which takes a quarter of the processor time of a question to the history.
    """
    _set({_M_MMAP_THRESHOLD: 1 << 20, _M_TRIM_THRESHOLD: 16 << 20})


def _set(options: Mapping[int, int]) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in options.items():
        mallopt(option, value)


def release_free_memory() -> None:
    """Return the free memory between blocks in use to the system.

    Otherwise freed blocks below the threshold from which each is returned at once stay in the heap. A lower threshold
    would cost a page fault for every 4 kB that a step allocates. Does nothing where the C library has no `malloc_trim`
    (musl).
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
