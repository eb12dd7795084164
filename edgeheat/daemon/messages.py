"""What a worker and its parent say to each other; pictures and heats travel as bytes that the parent never opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgeheat.defs.events import Progress, Snapshot
from edgeheat.defs.params import PipelineParams, PlanParams
from edgeheat.store.camera_state import CameraBackup


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that one worker is told at its start."""

    camera: str
    url: str
    """With the password in it; never logged."""

    rtsp_transport: Literal["tcp", "udp"]
    loop: bool
    fps: float | None
    timeout_s: float
    """For opening the camera, and for each read."""

    params: PipelineParams
    backup: CameraBackup
    shift_s: float
    """Added to the backup's times, where it is from before the machine's last start."""

    plan_heats: tuple[str, ...] = ()
    """The heats that the floor plans want of this camera."""


# From the parent to a worker.


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Draw all heats now."""


@dataclass(frozen=True, slots=True)
class Save:
    """Send the complete state."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Forget some of what was learnt or counted; at least one is True."""

    flicker: bool
    """Forget which cells the flicker mask leaves out."""

    moved: bool
    """Take the present view as right: the camera was moved, and its zones were looked at."""

    heat: bool
    """Empty all heats."""

    def __or__(self, other: Reset) -> Reset:
        """Return what both ask."""
        return Reset(self.flicker or other.flicker, self.moved or other.moved, self.heat or other.heat)

    def __str__(self) -> str:
        """Say it to a human, to follow "was asked to"."""
        asked = {
            "forget its flicker mask": self.flicker,
            "take the present view as right": self.moved,
            "empty its heats": self.heat,
        }
        return " and ".join(words for words, wanted in asked.items() if wanted)


@dataclass(frozen=True, slots=True)
class Stop:
    """Count what is held, send a last snapshot and state, and end."""


Command = TakeSnapshot | Save | Reset | Stop

# From a worker to the parent.


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """Sent about once a second, camera or not: the worker is alive."""

    progress: Progress
    increments: tuple[bytes, ...]
    last_frame_mono_s: float | None
    """When the last frame was decoded, on the monotonic clock; None before the first."""


@dataclass(frozen=True, slots=True)
class StateSaved:
    """The complete state, in this start's times; replaces the backup and every increment sent before it."""

    saved: bytes | None
    """None: there is no heat, because what was to be taken up could not be used."""


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A snapshot that was asked for."""

    snapshot: Snapshot
    plan_heats: bytes = b""
    """The heats that the plans want, of the same instant, as CameraHeats packs them; empty where none does."""


@dataclass(frozen=True, slots=True)
class HeatsRestored:
    """Heats of earlier runs go on, told before the camera is opened: it may be away, and the plans still show them."""

    plan_heats: bytes
    """As in SnapshotTaken."""


@dataclass(frozen=True, slots=True)
class ResetDone:
    """What was asked is forgotten; the state without it was sent before this."""

    reset: Reset


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """The source ended or could not be opened; the worker's last message."""

    reason_code: Literal["unavailable", "ended"]
    reason: str


# For and from the process that draws floor plans.


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """All that is needed to draw one plan, but for the heats."""

    params: PlanParams
    image: str
    """File of its picture; empty: it has none."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """The names of the cameras that it shows."""
        return tuple(view.camera for view in self.params.views)


@dataclass(frozen=True, slots=True)
class PlanJob:
    """Some plans to draw, and the latest heats of their cameras."""

    plans: tuple[PlanSpec, ...]
    heats: Mapping[str, bytes]
    """By camera, as CameraHeats packs them; a camera that has not sent any is not in it."""


@dataclass(frozen=True, slots=True)
class PlanDrawn:
    """One plan is drawn, or cannot be."""

    snapshot: Snapshot | None
    """None: it cannot be drawn, with whatever heats."""

    trouble: str
    """What is wrong with it, in one sentence; empty: nothing."""


Message = ProgressReport | StateSaved | SnapshotTaken | HeatsRestored | ResetDone | SourceFailed | PlanDrawn
