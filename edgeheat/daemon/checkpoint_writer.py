"""Loads the cameras' checkpoints at startup, and writes them in a thread, so that a slow card delays no camera."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgeheat.defs.clock import Clock
from edgeheat.errors import StoreError
from edgeheat.store.camera_backup import CameraBackup, backup_from_members, backup_to_members, boot_id
from edgeheat.store.checkpoint import read_checkpoint, write_checkpoint

_log = logging.getLogger(__name__)


def load_backups(folder: Path, cameras: Sequence[str], clock: Clock) -> dict[str, tuple[CameraBackup, float]]:
    """Return the backup, and the shift of its times in seconds, of each camera that has a readable checkpoint."""
    boot = boot_id()
    backups = {}
    for camera in cameras:
        members = read_checkpoint(folder, camera)
        if members is None:
            continue
        try:
            backups[camera] = backup_from_members(members, clock, boot)
        except ValueError as error:
            _log.warning("%s: the checkpoint cannot be read, so its heats start empty: %s", camera, error)
    return backups


class CheckpointWriter:
    """Writes queued backups one after the other; while the disk is slow, only the newest of each camera is queued.

    Both callbacks are called in the writer's thread: `on_written` with each camera whose backup is on the disk, and
    `on_problem` after each attempt, with why one of the backups could not be written, or None if none failed.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        on_written: Callable[[str], None],
        on_problem: Callable[[str | None], None],
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        """`before_write` is called in the writer's thread too, before each write; it may wait."""
        self._folder = folder
        self._clock = clock
        self._on_written = on_written
        self._on_problem = on_problem
        self._before_write = before_write
        self._boot = boot_id()
        self._queued: dict[str, Mapping[str, bytes]] = {}
        self._writing: str | None = None
        """The camera whose backup is being written."""
        self._changed = threading.Condition()
        self._closing = False
        self._failing: dict[str, str] = {}
        """By camera, why its last write failed; each is logged once, as the disk may be full for weeks."""
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def write(self, camera: str, backup: CameraBackup) -> None:
        """Queue a copy of one backup; never waits for the disk."""
        members = backup_to_members(backup, self._clock, self._boot)
        with self._changed:
            self._queued[camera] = members
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Write what is queued; gives up after `timeout_s`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            unwritten = sorted({*self._queued, *([self._writing] if self._writing else [])})
        if unwritten:
            _log.warning(
                "the last heats of %s were not written within %.1f s: the disk is slow or hangs; what was counted "
                "since the checkpoint before is lost",
                ", ".join(unwritten),
                timeout_s,
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queued or self._closing)
                if not self._queued:
                    return
                camera = next(iter(self._queued))
                members = self._queued.pop(camera)
                self._writing = camera
            self._write(camera, members)
            with self._changed:
                self._writing = None

    def _write(self, camera: str, members: Mapping[str, bytes]) -> None:
        try:
            self._before_write()
            write_checkpoint(self._folder, camera, members)
        except StoreError as error:
            if camera not in self._failing:
                _log.warning("%s; counting continues in memory", error)
            self._failing[camera] = str(error)
        except Exception as error:  # noqa: BLE001 the thread's edge: nobody would notice that nothing is saved
            if camera not in self._failing:
                _log.exception("checkpoint of %s not written; counting continues in memory", camera)
            self._failing[camera] = f"checkpoint of {camera} not written: unexpected {type(error).__name__}: {error}"
        else:
            if self._failing.pop(camera, None) is not None:
                _log.info("checkpoint of %s: written again", camera)
            self._on_written(camera)
        self._on_problem(next(iter(self._failing.values()), None))
