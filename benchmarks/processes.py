"""Reads processor time, proportional memory, descendants and loaded libraries of processes from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
"""Where the kernel describes the processes; tests use another folder."""

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
"""Clock ticks per second, in which the kernel counts processor time."""

# Positions in /proc/PID/stat, counted from the state, the first field after the name; see proc(5).

_PARENT = 1
"""Position of the parent's process id."""

_USER_TICKS = 11
"""Position of the processor time in user mode."""

_SYSTEM_TICKS = 12
"""Position of the processor time in the kernel."""


def _stat(pid: int, proc: Path) -> list[str]:
    """The fields after the name, which is in brackets and may itself contain spaces and brackets."""
    return (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()


def cpu_s(pid: int, proc: Path = PROC) -> float:
    """Return the processor seconds, user and system, that all threads of a process have used."""
    fields = _stat(pid, proc)
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_A_SECOND


def own_cpu_ms(function: Callable[[], object]) -> float:
    """Call a function and return the processor time, user and system, that this process used for it."""
    before_s = time.process_time()
    function()
    return 1000.0 * (time.process_time() - before_s)


def io_mb(name: str, proc: Path = PROC) -> float:
    """Return how much this process has read from disks (`read_bytes`) or written to them (`write_bytes`), in MB."""
    lines = (proc / "self" / "io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1e6


def own_peak_mb(proc: Path = PROC) -> float:
    """Return the most memory that this process has had for itself so far, in MB; what it shares is not included."""
    status = _kilobytes(proc / "self" / "status", "VmHWM", "VmRSS")
    private = _kilobytes(proc / "self" / "smaps_rollup", "Private_Clean", "Private_Dirty")
    return (status["VmHWM"] - status["VmRSS"] + sum(private.values())) * 1024 / 1e6


def _kilobytes(file: Path, *names: str) -> dict[str, int]:
    """Return the values of some lines of the form `name:  value kB`."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0][:-1]: int(words[1]) for words in lines if words[0][:-1] in names}


def children(pid: int, proc: Path = PROC) -> list[int]:
    """Return the direct children of a process, including those that ended and were not waited for."""
    return sorted(child for child, parent in _parents(proc).items() if parent == pid)


def tree(root: int, proc: Path = PROC) -> list[int]:
    """Return a process and all its descendants, parents first."""
    parents = _parents(proc)
    found = [root]
    for pid in found:  # grows during the loop
        found += sorted(child for child, parent in parents.items() if parent == pid)
    return found


def _parents(proc: Path) -> dict[int, int]:
    """Return the parent of each running process."""
    parents = {}
    for pid in (int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal()):
        try:
            parents[pid] = int(_stat(pid, proc)[_PARENT])
        except (FileNotFoundError, ProcessLookupError):
            continue  # the process ended in the meantime
    return parents


def pss_mb(pid: int, proc: Path = PROC) -> float:
    """Return the proportional set size in MB (10**6 bytes): pages shared by n processes count 1/n for each."""
    for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pss":
            return int(value.split()[0]) * 1024 / 1e6
    raise ValueError(f"/proc/{pid}/smaps_rollup has no line Pss")


def having_loaded(library: str, proc: Path = PROC) -> set[int]:
    """Return the processes that have loaded a file whose path contains `library`, as far as permissions allow."""
    found = set()
    for pid in _parents(proc):
        try:
            if library in (proc / str(pid) / "maps").read_text():
                found.add(pid)
        except OSError:
            continue  # the process ended in the meantime, or belongs to another user
    return found
