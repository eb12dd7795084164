"""The contract of every source: one run, honest failure, no knowledge of retries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from edgeheat.defs.clock import Clock

if TYPE_CHECKING:
    from edgeheat.core.grid.frames import Frame


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What an opener is told besides the URL."""

    clock: Clock | None
    """Live: frames are stamped with this clock, and recordings are played at their own pace.
    None (offline): recordings come as fast as they decode, stamped with their own time."""

    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    loop: bool = False
    """Recordings and image folders start again at their end."""

    fps: float | None = None
    """Pictures a second of an image folder (default 25) or of `synthetic:`; recordings have their own."""

    start: int = 0
    """Offline recordings: frames left out at the beginning."""

    count: int | None = None
    """Offline recordings: at most so many frames, after `start` and `step`."""

    step: int = 1
    """Offline recordings: of each `step` frames, the first."""


class Source(Protocol):
    """One camera or recording, opened once."""

    def frames(self) -> Iterator[Frame]:
        """Yield frames in order until a recording ends; the generator closes what it opened when it is closed.

        Raises SourceUnavailable where nothing can be opened or nothing decodes,
        SourceEnded where a live stream that gave frames stops. Messages are redacted.
        """
        ...

    def frame_count(self) -> int | None:
        """How many frames `frames()` will give, for a progress bar; None where it cannot be known."""
        ...
