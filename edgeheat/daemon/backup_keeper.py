"""Keeps a backup of every camera's heats in the parent, for restarted workers and for the checkpoint on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.messages import Message, ProgressReport, StateSaved, WorkerSpec
from edgeheat.defs.clock import Clock
from edgeheat.defs.history import Tile
from edgeheat.store.camera_backup import CameraBackup

_EARLY_STATE_S = 60.0
"""A backup is due this much earlier: states come at fixed times, and the first one only after the bootstrap."""


class BackupKeeper(CameraListener):
    """Keeps one backup per camera: the last complete state that its worker sent, and the increments since.

    `on_saved` gets a camera's backup with its first state that holds newly counted motion, then at most every
    `write_every_s`, with each urgent state, when the shop closes and at shutdown; but only if anything was counted
    since the last time: a camera that is offline for weeks must not wear out the card.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        saved: Mapping[str, tuple[CameraBackup, float]],
        on_saved: Callable[[str, CameraBackup], None],
        *,
        write_every_s: Callable[[], float],
        clock: Clock,
    ) -> None:
        """`saved` has by camera the backup of earlier runs and the seconds by which its times must be shifted."""
        self._write_every_s = write_every_s
        self._clock = clock
        self._written_s: dict[str, float] = {}
        """By camera, when its backup was passed to `on_saved`, on the monotonic clock."""
        self._specs = {spec.camera: spec for spec in specs}
        self._backups = {name: CameraBackup() for name in self._specs} | {
            name: backup for name, (backup, _) in saved.items()
        }
        self._shift_s = dict.fromkeys(self._specs, 0.0) | {name: shift_s for name, (_, shift_s) in saved.items()}
        self._on_saved = on_saved
        self._highest_epochs: dict[str, int] = {}
        """By camera, of the tiles that its workers have sent."""
        self._online: set[str] = set()
        self._changed: set[str] = set()
        """Cameras whose backup holds counted motion that was not passed to `on_saved` yet."""

    def spec_of(self, camera: str) -> WorkerSpec:
        """Return what the camera's next worker is started with; the spec owns its copy of the backup."""
        backup, shift_s = self._backups[camera], self._shift_s[camera]
        return replace(self._specs[camera], backup=backup.copy(), shift_s=shift_s)

    def on_starting(self, camera: str) -> None:
        """Until its first frame, a state that the worker sends is only what it was started with."""
        self._online.discard(camera)

    def on_online(self, camera: str) -> None:
        """From now on, a state that the worker sends may hold newly counted motion."""
        self._online.add(camera)

    def on_message(self, camera: str, message: Message) -> None:
        """Update the backup."""
        backup = self._backups[camera]
        if isinstance(message, ProgressReport | StateSaved):
            self._note_epochs(camera, message.tiles)
        match message:
            case ProgressReport(_, increments, _):
                backup.increments.extend(increments)
                if increments:
                    self._changed.add(camera)
            case StateSaved(saved, _, is_urgent):
                backup.replace(saved)
                self._shift_s[camera] = 0.0
                self._raise_first_epoch(camera)
                if camera in self._online or is_urgent:
                    self._changed.add(camera)
                written_s = self._written_s.get(camera, -math.inf)
                if is_urgent or self._clock.monotonic() >= written_s + self._write_every_s() - _EARLY_STATE_S:
                    self._pass_on_changes(camera)

    def _note_epochs(self, camera: str, tiles: Sequence[Tile]) -> None:
        for tile in tiles:
            self._highest_epochs[camera] = max(self._highest_epochs.get(camera, 0), tile.epoch)

    def _raise_first_epoch(self, camera: str) -> None:
        """A worker that cannot read this state starts above the epochs of which there are tiles.

        Not before there is a state: until then, what was counted belongs to the first epoch that was given.
        """
        spec = self._specs[camera]
        first_epoch = max(spec.params.first_epoch, self._highest_epochs.get(camera, 0) + 1)
        self._specs[camera] = replace(spec, params=replace(spec.params, first_epoch=first_epoch))

    def on_closed(self, camera: str) -> None:
        """Pass on what the worker counted until the shop closed."""
        self._pass_on_changes(camera)

    def on_stopped(self, camera: str) -> None:
        """Pass on what the last worker counted."""
        self._pass_on_changes(camera)

    def _pass_on_changes(self, camera: str) -> None:
        if camera in self._changed:
            self._changed.discard(camera)
            self._written_s[camera] = self._clock.monotonic()
            self._on_saved(camera, self._backups[camera])
