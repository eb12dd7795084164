"""The disk sink: writes each picture and its statistics as dated files and as `latest`, and deletes the oldest."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace as with_changes
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal

from edgeheat.atomic import replace, stage, temp_beside, write_atomic, write_remedy
from edgeheat.defs.events import CameraStatus, Event, HeatImage, Progress, ReportWritten, Snapshot
from edgeheat.errors import SinkUnavailable
from edgeheat.sinks.disk.dated_pictures import FILE_SUFFIXES, DatedPictures
from edgeheat.sinks.payload import EXTENSIONS, SCHEMA, heat_fields, plan_fields, to_json, units, utc_text

_FILE_MODE = 0o666
"""Permissions before the umask: other users may view the pictures."""

_MAX_JSON_BYTES = 8192
"""Space reserved for the statistics of one picture before they are encoded."""

_MIN_FREE_INODES = 100
"""Inodes left to other programs on the same disk."""

_EARLY_S = 5.0
"""A snapshot may come this much earlier than it is due."""

_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL}
"""Errors of a file system that cannot make a hard link here."""


class DiskSink:
    """Writes `<root>/heatmaps/<camera>/<heat>/latest.*` and `…/YYYY/MM/DD/HHMMSSZ.*`; see docs/storage.md."""

    name = "disk"

    def __init__(
        self,
        root: Path,
        *,
        timezone: tzinfo,
        keep_s: float,
        max_bytes: int,
        free_floor_bytes: int,
        every_s: float,
        on_written: Callable[[str, Literal["ok", "failed"]], None],
        on_bytes: Callable[[int], None],
    ) -> None:
        """Store the settings; the disk is accessed from the first event on, since reading a large tree takes seconds.

        `timezone` is the shop's, for the local time in the statistics. Dated pictures are deleted when older than
        `keep_s`, when they exceed `max_bytes` together, or when the disk has less than `free_floor_bytes` left. To
        spare the flash card, a snapshot is not written that comes less than `every_s` after one of the same camera and
        epoch that was, unless it is the last one. `on_written` is called for each picture with its camera, `on_bytes`
        with the bytes of all dated pictures.
        """
        self._folder = root / "heatmaps"
        self._timezone = timezone
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._free_floor_bytes = free_floor_bytes
        self._every_s = every_s
        self._last_written: dict[str, Snapshot] = {}
        """By camera, the last snapshot that was written, without its pictures."""
        self._unwritten: dict[str, Snapshot] = {}
        """By camera, the last snapshot, if it was not written: it is when the shop closes, and at the end."""
        self._on_written = on_written
        self._on_bytes = on_bytes
        self._pictures: DatedPictures | None = None
        self._hard_links = True

    def handle(self, event: Event) -> None:
        """Write a snapshot's pictures; the first event of any kind but Progress also deletes what is too old.

        Raises SinkUnavailable if not all dated pictures could be written; `latest` is written if at all possible.
        """
        if isinstance(event, Progress | ReportWritten):
            return
        try:
            pictures = self._pictures or self._open(event.wall_s)
        except OSError as error:
            if isinstance(event, Snapshot):
                self._report_written(event, "failed")
            raise SinkUnavailable(f"pictures cannot be kept in {self._folder}: {write_remedy(error)}") from error
        match event:
            case Snapshot() if self._is_due(event):
                self._write_snapshot(event, pictures)
            case Snapshot():
                self._unwritten[event.camera] = event
            case CameraStatus(state="closed") if event.camera in self._unwritten:
                self._write_snapshot(self._unwritten[event.camera], pictures)

    def _write_snapshot(self, snapshot: Snapshot, pictures: DatedPictures) -> None:
        self._unwritten.pop(snapshot.camera, None)
        self._write(snapshot, pictures)
        self._last_written[snapshot.camera] = with_changes(snapshot, heats=())

    def _is_due(self, snapshot: Snapshot) -> bool:
        last = self._last_written.get(snapshot.camera)
        # Snapshots are not made to the second; and a clock that was set back must not stop the pictures.
        return (
            last is None
            or last.epoch != snapshot.epoch
            or not 0 <= snapshot.wall_s - last.wall_s < self._every_s - _EARLY_S
        )

    def close(self) -> None:
        """Write the last snapshot of each camera, as far as the disk allows."""
        for snapshot in list(self._unwritten.values()):
            if self._pictures is not None:
                with suppress(SinkUnavailable):
                    self._write_snapshot(snapshot, self._pictures)

    def _open(self, now_s: float) -> DatedPictures:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder = self._folder.resolve()
        pictures = DatedPictures(self._folder)
        pictures.delete(
            older_than_s=now_s - self._keep_s,
            excess_bytes=self._excess_bytes(pictures.total_bytes, files=0, size_bytes=0),
        )
        self._on_bytes(pictures.total_bytes)
        self._pictures = pictures
        return pictures

    def _report_written(self, snapshot: Snapshot, outcome: Literal["ok", "failed"]) -> None:
        for _ in snapshot.heats:
            self._on_written(snapshot.camera, outcome)

    def _write(self, snapshot: Snapshot, pictures: DatedPictures) -> None:
        failure: OSError | None = None
        has_space = False
        try:
            has_space = self._free_space(snapshot, pictures)
        except OSError as error:
            failure = error
        for heat in snapshot.heats:
            written = has_space
            try:
                if has_space:
                    self._write_dated(snapshot, heat, pictures)
                else:
                    self._write_latest_only(snapshot, heat)
            except OSError as error:
                failure, written = failure or error, False
            self._on_written(snapshot.camera, "ok" if written else "failed")
        self._on_bytes(pictures.total_bytes)
        if failure is not None:
            raise SinkUnavailable(f"{snapshot.camera}: pictures not written to {self._folder}: {write_remedy(failure)}")
        if not has_space:
            raise SinkUnavailable(
                f"{snapshot.camera}: only the latest pictures are kept in {self._folder}: the disk is too full and "
                "no old picture is left to delete; make room on it, or change storage.free_floor or storage.max_size"
            )

    def _free_space(self, snapshot: Snapshot, pictures: DatedPictures) -> bool:
        """Delete old pictures to fit the snapshot; False if there is not enough space even then."""
        files = 2 * len(snapshot.heats)
        size_bytes = sum(len(heat.image) + _MAX_JSON_BYTES for heat in snapshot.heats)
        excess_bytes = self._excess_bytes(pictures.total_bytes, files, size_bytes)
        pictures.delete(older_than_s=snapshot.wall_s - self._keep_s, excess_bytes=excess_bytes)
        return self._excess_bytes(pictures.total_bytes, files, size_bytes) <= 0

    def _excess_bytes(self, total_bytes: int, files: int, size_bytes: int) -> int:
        """Return how many bytes to delete before `files` files of `size_bytes` in total may be written; <= 0: none."""
        disk = os.statvfs(self._folder)
        # One more block for each file: half of it for rounding up, half for folders.
        lacking_bytes = self._free_floor_bytes + size_bytes + files * disk.f_frsize - disk.f_bavail * disk.f_frsize
        if disk.f_files and disk.f_favail < _MIN_FREE_INODES + files:
            lacking_bytes = max(lacking_bytes, size_bytes, 1)
        return max(lacking_bytes, total_bytes + size_bytes - self._max_bytes)

    def _write_dated(self, snapshot: Snapshot, heat: HeatImage, pictures: DatedPictures) -> None:
        folder = self._folder / snapshot.camera / heat.heat
        day = _real_folder(folder / datetime.fromtimestamp(snapshot.wall_s, UTC).strftime("%Y/%m/%d"))
        stem = _free_stem(day, datetime.fromtimestamp(snapshot.wall_s, UTC).strftime("%H%M%SZ"))
        picture = stem.with_suffix(f".{EXTENSIONS[heat.media_type]}")
        statistics = stem.with_suffix(".json")
        content = self._statistics(snapshot, heat, picture.relative_to(folder))
        # Both are complete on the disk before either gets its name.
        picture_temp = stage(picture, lambda file: file.write(heat.image), _FILE_MODE)
        try:
            statistics_temp = stage(statistics, lambda file: file.write(content), _FILE_MODE)
        except OSError:
            picture_temp.unlink(missing_ok=True)
            raise
        replace(statistics_temp, statistics)
        replace(picture_temp, picture)
        pictures.add(stem, snapshot.wall_s, len(heat.image) + len(content))
        self._put_latest(picture, folder / f"latest{picture.suffix}", heat.image)
        self._put_latest(statistics, folder / "latest.json", content)
        _remove_stale_latest(folder, picture.suffix)

    def _write_latest_only(self, snapshot: Snapshot, heat: HeatImage) -> None:
        folder = _real_folder(self._folder / snapshot.camera / heat.heat)
        latest = folder / f"latest.{EXTENSIONS[heat.media_type]}"
        write_atomic(latest, heat.image, _FILE_MODE)
        write_atomic(folder / "latest.json", self._statistics(snapshot, heat, latest.relative_to(folder)), _FILE_MODE)
        _remove_stale_latest(folder, latest.suffix)

    def _statistics(self, snapshot: Snapshot, heat: HeatImage, picture: Path) -> bytes:
        local = datetime.fromtimestamp(snapshot.wall_s, self._timezone)
        return to_json(
            {
                "schema": SCHEMA,
                "camera": snapshot.camera,
                "heat": heat.heat,
                "captured_at": utc_text(snapshot.wall_s),
                "captured_at_local": local.isoformat(timespec="seconds"),
                "epoch": snapshot.epoch,
                "picture": str(picture),
                "media_type": heat.media_type,
                "size_wh": list(heat.size_wh),
                **plan_fields(snapshot),
                **heat_fields(snapshot, heat),
                "units": units(snapshot),
            }
        )

    def _put_latest(self, dated: Path, latest: Path, data: bytes) -> None:
        """Make `latest` a hard link to `dated`, to write to the flash card only once; else a copy of `data`."""
        if self._hard_links:
            temp = temp_beside(latest)
            temp.unlink(missing_ok=True)
            try:
                temp.hardlink_to(dated)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                self._hard_links = False
            else:
                replace(temp, latest)
                return
        write_atomic(latest, data, _FILE_MODE)


def _real_folder(folder: Path) -> Path:
    """Create `folder`; raises OSError if its path contains a symbolic link, because retention follows none."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.resolve() != folder:
        raise OSError(errno.ELOOP, "a symbolic link", str(folder))
    return folder


def _free_stem(day: Path, name: str) -> Path:
    """Return `name` in `day`, with a number if it exists: two in one second, or a clock that was set back."""
    stem, number = day / name, 1
    while any(stem.with_suffix(f".{suffix}").exists() for suffix in FILE_SUFFIXES):
        number += 1
        stem = day / f"{name}-{number}"
    return stem


def _remove_stale_latest(folder: Path, suffix: str) -> None:
    """Remove a `latest` picture of another format, which would never be updated again."""
    for other in EXTENSIONS.values():
        if f".{other}" != suffix:
            (folder / f"latest.{other}").unlink(missing_ok=True)
