"""Memory that a process has freed is returned to the system."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HOLES = """
import ctypes
from edgeheat.daemon.malloc import release_free_memory

def private_kb():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
blocks = [libc.malloc(30_000) for _ in range(1000)]
for block in blocks:
    ctypes.memset(block, 1, 30_000)
for block in blocks[:-1]:  # the last one pins the end of the heap
    libc.free(block)
held_kb = private_kb()
release_free_memory()
print(hasattr(libc, "malloc_trim"), held_kb - private_kb())
"""


def test_free_memory_between_blocks_in_use_is_returned() -> None:
    output = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True).stdout.split()
    if output[0] != "True":
        pytest.skip("this C library has no malloc_trim")
    assert int(output[1]) > 20_000


REUSES_BLOCKS = """
import ctypes, resource, sys
from edgeheat.daemon.malloc import reuse_freed_memory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
if sys.argv[1] == "reuse":
    reuse_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    block = libc.malloc(200_000)
    ctypes.memset(block, 1, 200_000)
    libc.free(block)
print(hasattr(libc, "mallopt"), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_a_process_that_reads_tiles_gets_each_block_from_the_system_once() -> None:
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "32768", "MALLOC_TRIM_THRESHOLD_": "131072"}
    page_faults = {}
    for mode in ("return", "reuse"):
        command = [sys.executable, "-c", REUSES_BLOCKS, mode]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        has_mallopt, faults = result.stdout.split()
        page_faults[mode] = int(faults)
    if has_mallopt != "True":
        pytest.skip("this C library has no mallopt")
    assert page_faults["reuse"] < page_faults["return"] / 10
