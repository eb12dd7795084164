"""No two daemons use one storage folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeheat.daemon.folder_lock import lock_folder
from edgeheat.errors import StartupError

_HOLDER = "import sys; from pathlib import Path; from edgeheat.daemon.folder_lock import lock_folder; "
_HOLDER += "lock_folder(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"


def test_a_folder_is_locked_until_the_process_that_uses_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "storage/state"
    command = [sys.executable, "-c", _HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StartupError, match="state: in use by another edgeheat; stop that one"):
            lock_folder(folder)
        other.kill()
    descriptor = lock_folder(folder)
    assert descriptor is not None
    os.close(descriptor)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_created_is_not_locked_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert lock_folder(tmp_path / "file/state") is None
