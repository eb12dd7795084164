"""Locks the storage folder, so that two daemons cannot overwrite each other's checkpoints and pictures."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edgeheat.errors import StartupError


def lock_folder(folder: Path) -> int | None:
    """Lock `folder`, created if missing, until this process ends, however it ends.

    Returns the descriptor that holds the lock, for tests; None if it cannot be locked (the disk is full, read-only or
    does not support locks), since counting continues without a disk. Raises StartupError if another edgeheat holds the
    lock.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # The folder itself rather than a lock file: nothing is left behind, and a SIGKILL releases it too.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartupError(
            f"{folder}: in use by another edgeheat; stop that one, or set another storage.path"
        ) from None
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
