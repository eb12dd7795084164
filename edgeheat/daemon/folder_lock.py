"""One edgeheat for each storage folder: two would overwrite each other's checkpoints and pictures."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edgeheat.errors import SinkUnavailable


def lock_folder(folder: Path) -> int | None:
    """Hold `folder`, made where it is missing, until this process ends, however it ends.

    Returns the descriptor that holds it; None where it cannot be held (a disk that is full, read-only or knows no
    locks), for counting goes on without a disk. Raises SinkUnavailable where another edgeheat holds it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # The folder itself and no file in it: nothing is left behind, and the system lets go of it at a SIGKILL too.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SinkUnavailable(
            f"{folder}: another edgeheat keeps its state here; stop that one, or set another storage.path"
        ) from None
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
