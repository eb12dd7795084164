"""Defines the interface of all sources: options, the frames of one run, and errors when it fails; callers retry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from edgeheat.defs.clock import Clock
from edgeheat.errors import SourceUnavailable

if TYPE_CHECKING:
    from edgeheat.core.grid.frames import Frame

DEFAULT_FPS = 25.0
"""Frames per second of a recording that does not state its rate, and of a folder of images without a setting."""


@dataclass(slots=True)
class StreamStatistics:
    """What a camera's source did with its stream so far; the source writes it, other threads may read it."""

    frames_late: int = 0
    """Packets, each one picture, that were discarded undecoded because newer ones were waiting."""

    frames_damaged: int = 0
    """Packets that could not be decoded, and pictures that were rejected after data loss."""

    lag_s: float | None = None
    """By how much the latest packet was read too late; None where the stream has no usable timestamps."""

    overloads: int = 0
    """How often the stream fell behind because decoding and counting took too long."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source is read; options that do not apply to a kind of source are ignored."""

    clock: Clock | None
    """Live: frames get this clock's times, and recordings play at their own pace.
    None (offline): recordings are decoded as fast as possible, and frames get the recording's own times."""

    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    """Transport of RTSP cameras."""

    open_timeout_s: float = 10.0
    """Network cameras: longest time until the stream is opened."""

    read_timeout_s: float = 10.0
    """Cameras: longest time without a picture."""

    loop: bool = False
    """Recordings and image folders start again when they end."""

    fps: float | None = None
    """Frames per second of image folders (default 25), `synthetic:` scenes and recordings; None: their own times."""

    statistics: StreamStatistics = field(default_factory=StreamStatistics)
    """Cameras: the source counts here what it did with the stream; owned by the caller."""

    start: int = 0
    """Offline: frames to skip at the beginning."""

    count: int | None = None
    """Offline: largest number of frames, counted after `start` and `step`; None: all."""

    step: int = 1
    """Offline: only the first of every `step` frames is returned."""


class Source(Protocol):
    """One camera or recording.

    A source reads its stream once per call of `frames` and raises an error when that fails; it never retries, because
    the daemon's supervisor and the offline tools need different policies.
    """

    def frames(self) -> Iterator[Frame]:
        """Open the stream and yield its frames in order; returns at the end of a recording.

        Blocks while it waits for a frame. Closing the generator closes everything that was opened. Frames stay valid
        after that; callers must not write to their arrays.

        Raises SourceUnavailable where the stream cannot be opened or no frame can be decoded, SourceEnded where it
        stops after at least one frame. Messages are one line, say what to do, and contain no passwords.
        """
        ...

    def frame_count(self) -> int | None:
        """Return how many frames `frames` will yield, possibly an estimate; None where that is unknown or unlimited."""
        ...


def live_clock(name: str, options: SourceOptions) -> Clock:
    """Return the clock of a live camera; raises SourceUnavailable where there is none, because it is read offline."""
    if options.clock is None:
        raise SourceUnavailable(f"{name}: a live camera cannot be read offline: record it to a file first")
    return options.clock
