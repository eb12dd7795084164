"""The thread that writes backups to disk goes on whatever the disk does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edgeheat.daemon import checkpoints
from edgeheat.daemon.backup import CameraBackup
from edgeheat.daemon.checkpoints import CheckpointWriter, load_backups
from edgeheat.daemon.clock import SystemClock
from edgeheat.store.checkpoint import write_checkpoint


def test_a_fault_nobody_knew_of_does_not_end_the_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory_for_aisle(folder: Path, camera: str, members: Mapping[str, bytes]) -> None:
        if camera == "aisle":
            raise MemoryError
        write_checkpoint(folder, camera, members)

    monkeypatch.setattr(checkpoints, "write_checkpoint", no_memory_for_aisle)
    writer = CheckpointWriter(tmp_path, SystemClock())
    writer.write("aisle", CameraBackup(b"heats"))
    writer.write("till", CameraBackup(b"heats"))
    writer.close(5)
    backups = load_backups(tmp_path, ["aisle", "till"], SystemClock())
    assert backups == {"till": (CameraBackup(b"heats"), 0.0)}
