"""What child processes are started with, and what they send to the parent; commands to them are in defs/commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Literal

from edgeheat.defs.commands import Reset
from edgeheat.defs.events import Progress, Snapshot
from edgeheat.defs.history import EpochBackdrop, Level, Tile
from edgeheat.defs.hours import OpeningHours
from edgeheat.defs.params import PipelineParams, PlanParams, ReportsParams
from edgeheat.store.camera_backup import CameraBackup


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """Everything that a camera's worker process is started with."""

    camera: str
    url: str
    """The camera's URL including its password; never logged."""

    rtsp_transport: Literal["tcp", "udp"]
    loop: bool
    fps: float | None
    timeout_s: float
    """Longest wait for opening the camera, and for each frame."""

    params: PipelineParams
    backup: CameraBackup
    """The heats of earlier runs; empty to start from zero. The worker clears it once it has read it."""

    shift_s: float
    """Seconds added to the times in the backup; not 0 where it was written before the machine's last boot."""

    plan_heats: tuple[str, ...] = ()
    """Names of this camera's heats that the floor plans use."""

    wrong_clock_offset_s: float | None = None
    """As in WallClockError; None if the machine's clock was right from the start."""


# From a worker to the parent. Pictures and heats travel as bytes that the parent never decodes.


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life; sent about once a second by a thread of its own, whatever else the process is doing."""

    waiting_s: float
    """For how long the source has been opening the camera or waiting for its next frame; 0 during an evaluation."""

    busy_s: float
    """For how long the process has been working on one frame or on one command; 0 while it waits for both."""


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """What happened since the last report; sent about once a second, also without frames."""

    progress: Progress
    increments: tuple[bytes, ...]
    """What was counted since the last report or state, packed by `Increment.pack`."""

    last_frame_mono_s: float | None
    """When the last frame was decoded, on the monotonic clock; None before the first."""

    uncounted_s: float = 0.0
    """Seconds of frames that no increment contains yet: they would be lost if the worker ended now."""

    is_last: bool = False
    """Whether the worker counts nothing after this report, because it stops or its source has ended."""

    tiles: tuple[Tile, ...] = ()
    """Tiles that were closed since the last report or state; after a restart also some that were sent before."""


@dataclass(frozen=True, slots=True)
class StateSaved:
    """The complete state, with monotonic times of this boot; replaces the backup and every increment sent before it."""

    saved: bytes | None
    """The state, encoded by the worker; None if the heats start empty because the backup could not be read."""

    tiles: tuple[Tile, ...] = ()
    """As in ProgressReport. This state does not hold them any more, so they must be stored before it replaces another.
    """

    is_urgent: bool = False
    """Whether it must be on the disk soon: after a reset or a new epoch an older one would bring back what is gone."""


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A snapshot: the answer to TakeSnapshot, the last one of an epoch, or the last one before the worker stops."""

    snapshot: Snapshot
    plan_heats: bytes = b""
    """The heats that the floor plans use, read at the same instant and packed by `CameraHeats.pack`; empty if none."""


@dataclass(frozen=True, slots=True)
class BackdropTaken:
    """What the camera sees without people, for the history."""

    backdrop: EpochBackdrop


@dataclass(frozen=True, slots=True)
class HeatsRestored:
    """The heats of earlier runs were restored.

    Sent before the camera is opened, so that floor plans show the heats of a camera that is offline.
    """

    plan_heats: bytes
    """As in SnapshotTaken."""


@dataclass(frozen=True, slots=True)
class ResetDone:
    """The reset was carried out; the state after it was sent before this message."""

    reset: Reset


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """The source ended or could not be opened; this is the worker's last message."""

    reason_code: Literal["unavailable", "ended"]
    reason: str


# To and from the process that draws floor plans.


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """Everything needed to draw one floor plan except the heats."""

    params: PlanParams
    image: str
    """Path of the plan's background picture; empty for none."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """The names of the cameras that the plan shows."""
        return tuple(view.camera for view in self.params.views)


@dataclass(frozen=True, slots=True)
class PlanJob:
    """The plans to draw, and the latest heats of their cameras."""

    plans: tuple[PlanSpec, ...]
    heats: Mapping[str, bytes]
    """By camera, packed by `CameraHeats.pack`; without the cameras that have not sent any."""


@dataclass(frozen=True, slots=True)
class PlanDrawn:
    """One plan was drawn, or cannot be drawn."""

    snapshot: Snapshot | None
    """None if the plan cannot be drawn at all, for example because its points are not a possible view of a floor."""

    problem: str
    """What is wrong with the plan, in one sentence; empty if nothing is."""


# To and from the process that maintains the history.


@dataclass(frozen=True, slots=True)
class ReportJob:
    """Which reports are to be written, and of what."""

    site: str
    cameras: tuple[PipelineParams, ...]
    plans: tuple[PlanSpec, ...]
    reports: ReportsParams
    folder: Path

    opening: OpeningHours | None = None
    """None: the shop is always open."""


@dataclass(frozen=True, slots=True)
class HistoryJob:
    """What is to be done with the history file."""

    path: Path
    timezone: tzinfo
    """The site's time zone."""

    keep_s: Mapping[Level, float]
    max_bytes: int
    boot_id: str
    check: bool
    """Whether to look for damage first, which reads the whole file."""

    now_s: float | None
    """Unix time; None while the clock is not known to be right: then nothing is rolled up or deleted."""

    reports: ReportJob | None = None
    """None: no reports are written."""


@dataclass(frozen=True, slots=True)
class HistoryMaintained:
    """The job was done as far as possible."""

    rolled_up: int = 0
    """Hours, days and months that were stored."""

    deleted: int = 0
    """Tiles that were deleted because of their age or the size of the file."""

    is_too_large: bool = False
    """Whether the file is larger than allowed although all was deleted that may be."""

    reports: tuple[str, ...] = ()
    """Names of the reports that were written, oldest first."""

    problem: str = ""
    """Why it could not be done completely, in one sentence; empty if it was."""

    damage: str = ""
    """What is damaged; the file must be set aside. Empty if nothing is."""


Message = (
    Heartbeat
    | ProgressReport
    | StateSaved
    | SnapshotTaken
    | BackdropTaken
    | HeatsRestored
    | ResetDone
    | SourceFailed
    | PlanDrawn
    | HistoryMaintained
)
