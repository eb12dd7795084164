"""The disk sink: every picture with its figures as dated files, the newest also as `latest`, the oldest deleted."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal

from edgeheat.atomic import replace, stage, temp_beside, write_atomic, write_remedy
from edgeheat.defs.events import Event, HeatImage, Progress, Snapshot
from edgeheat.errors import SinkUnavailable
from edgeheat.sinks.disk.dated import SUFFIXES, DatedPictures
from edgeheat.sinks.payload import EXTENSIONS, SCHEMA, heat_figures, plan_figures, to_json, units, utc_text

_FILE_MODE = 0o666  # before the umask: the pictures are there to be looked at
_FIGURES_BYTES = 8192
_FREE_INODES = 100
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL}


class DiskSink:
    """Writes `<root>/heatmaps/<camera>/<heat>/latest.*` and `…/YYYY/MM/DD/HHMMSSZ.*`; docs/storage.md tells all."""

    name = "disk"

    def __init__(
        self,
        root: Path,
        *,
        timezone: tzinfo,
        keep_s: float,
        max_bytes: int,
        free_floor_bytes: int,
        on_written: Callable[[str, Literal["ok", "failed"]], None],
        on_bytes: Callable[[int], None],
    ) -> None:
        """Prepare; the disk is first touched by the first event, for reading a large tree takes seconds.

        `timezone` is the shop's, for the local time in the figures. Dated pictures are deleted when older than
        `keep_s`, when they exceed `max_bytes` together, or when the disk has less than `free_floor_bytes` left.
        `on_written` is called for each picture with its camera, `on_bytes` with the bytes of all dated pictures.
        """
        self._folder = root / "heatmaps"
        self._timezone = timezone
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._free_floor_bytes = free_floor_bytes
        self._on_written = on_written
        self._on_bytes = on_bytes
        self._pictures: DatedPictures | None = None
        self._hard_links = True

    def handle(self, event: Event) -> None:
        """Write a snapshot's pictures; the first event of any camera also cleans up.

        Raises SinkUnavailable where not all dated pictures could be written; `latest` is tried in any case.
        """
        if isinstance(event, Progress):
            return
        try:
            pictures = self._pictures or self._open(event.wall_s)
        except OSError as error:
            if isinstance(event, Snapshot):
                self._count(event, "failed")
            raise SinkUnavailable(f"pictures cannot be kept in {self._folder}: {write_remedy(error)}") from error
        if isinstance(event, Snapshot):
            self._write(event, pictures)

    def close(self) -> None:
        """Nothing is held: every file was finished when it was written."""

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

    def _count(self, snapshot: Snapshot, outcome: Literal["ok", "failed"]) -> None:
        for _ in snapshot.heats:
            self._on_written(snapshot.camera, outcome)

    def _write(self, snapshot: Snapshot, pictures: DatedPictures) -> None:
        fault: OSError | None = None
        room = False
        try:
            room = self._make_room(snapshot, pictures)
        except OSError as error:
            fault = error
        for heat in snapshot.heats:
            written = room
            try:
                if room:
                    self._write_dated(snapshot, heat, pictures)
                else:
                    self._write_latest_only(snapshot, heat)
            except OSError as error:
                fault, written = fault or error, False
            self._on_written(snapshot.camera, "ok" if written else "failed")
        self._on_bytes(pictures.total_bytes)
        if fault is not None:
            raise SinkUnavailable(f"{snapshot.camera}: pictures not written to {self._folder}: {write_remedy(fault)}")
        if not room:
            raise SinkUnavailable(
                f"{snapshot.camera}: only the latest pictures are kept in {self._folder}: the disk is too full and "
                "no old picture is left to delete; make room on it, or change storage.free_floor or storage.max_size"
            )

    def _make_room(self, snapshot: Snapshot, pictures: DatedPictures) -> bool:
        """Delete what must go before the snapshot is written; False where there is no room for it even then."""
        files = 2 * len(snapshot.heats)
        size_bytes = sum(len(heat.image) + _FIGURES_BYTES for heat in snapshot.heats)
        excess_bytes = self._excess_bytes(pictures.total_bytes, files, size_bytes)
        pictures.delete(older_than_s=snapshot.wall_s - self._keep_s, excess_bytes=excess_bytes)
        return self._excess_bytes(pictures.total_bytes, files, size_bytes) <= 0

    def _excess_bytes(self, total_bytes: int, files: int, size_bytes: int) -> int:
        """How many bytes must go before `files` more files of `size_bytes` together may be written; 0 or less: none."""
        disk = os.statvfs(self._folder)
        # One block more for each file: half of it for rounding up, half for folders.
        lacking_bytes = self._free_floor_bytes + size_bytes + files * disk.f_frsize - disk.f_bavail * disk.f_frsize
        if disk.f_files and disk.f_favail < _FREE_INODES + files:
            lacking_bytes = max(lacking_bytes, size_bytes, 1)
        return max(lacking_bytes, total_bytes + size_bytes - self._max_bytes)

    def _write_dated(self, snapshot: Snapshot, heat: HeatImage, pictures: DatedPictures) -> None:
        folder = self._folder / snapshot.camera / heat.heat
        day = _real_folder(folder / datetime.fromtimestamp(snapshot.wall_s, UTC).strftime("%Y/%m/%d"))
        stem = _free_stem(day, datetime.fromtimestamp(snapshot.wall_s, UTC).strftime("%H%M%SZ"))
        picture = stem.with_suffix(f".{EXTENSIONS[heat.media_type]}")
        figures = stem.with_suffix(".json")
        content = self._figures(snapshot, heat, picture.relative_to(folder))
        # Both are whole on the disk before either gets its name.
        picture_temp = stage(picture, lambda file: file.write(heat.image), _FILE_MODE)
        try:
            figures_temp = stage(figures, lambda file: file.write(content), _FILE_MODE)
        except OSError:
            picture_temp.unlink(missing_ok=True)
            raise
        replace(figures_temp, figures)
        replace(picture_temp, picture)
        pictures.add(stem, snapshot.wall_s, len(heat.image) + len(content))
        self._put_latest(picture, folder / f"latest{picture.suffix}", heat.image)
        self._put_latest(figures, folder / "latest.json", content)
        _remove_stale_latest(folder, picture.suffix)

    def _write_latest_only(self, snapshot: Snapshot, heat: HeatImage) -> None:
        folder = _real_folder(self._folder / snapshot.camera / heat.heat)
        latest = folder / f"latest.{EXTENSIONS[heat.media_type]}"
        write_atomic(latest, heat.image, _FILE_MODE)
        write_atomic(folder / "latest.json", self._figures(snapshot, heat, latest.relative_to(folder)), _FILE_MODE)
        _remove_stale_latest(folder, latest.suffix)

    def _figures(self, snapshot: Snapshot, heat: HeatImage, picture: Path) -> bytes:
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
                **plan_figures(snapshot),
                **heat_figures(snapshot, heat),
                "units": units(snapshot),
            }
        )

    def _put_latest(self, dated: Path, latest: Path, data: bytes) -> None:
        """Make `latest` the same file as `dated`, which spares the card a second writing, or a copy of `data`."""
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
    """Make `folder`; raises OSError where a symbolic link on its way leads elsewhere, for retention follows none."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.resolve() != folder:
        raise OSError(errno.ELOOP, "a symbolic link", str(folder))
    return folder


def _free_stem(day: Path, name: str) -> Path:
    """`name` in `day`, counted up where a file has it already: two in one second, or a clock that was set back."""
    stem, number = day / name, 1
    while any(stem.with_suffix(f".{suffix}").exists() for suffix in SUFFIXES):
        number += 1
        stem = day / f"{name}-{number}"
    return stem


def _remove_stale_latest(folder: Path, suffix: str) -> None:
    """Remove the `latest` picture of another format, so that nobody looks at it for ever."""
    for other in EXTENSIONS.values():
        if f".{other}" != suffix:
            (folder / f"latest.{other}").unlink(missing_ok=True)
