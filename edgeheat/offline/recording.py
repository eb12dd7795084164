"""Reads a recording to its end, or as far as it goes; a live camera has none."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources import resolve
from edgeheat.sources.base import Source

_log = logging.getLogger(__name__)

_WHOLE_SHARE = 0.9
_FFMPEG_INPUT = {
    "rtsp": "-rtsp_transport tcp -i URL -c copy",
    "rtsps": "-rtsp_transport tcp -i URL -c copy",
    "http": "-i URL",
    "https": "-i URL",
    "usb": "-f v4l2 -i /dev/video0",
}
"""By the scheme of a live camera; its URL may hold a password and is not repeated."""


def recorded_target(source: str, command: str) -> str:
    """Return what the scheme of `source` is given (see `resolve`).

    Raises SourceUnavailable, with how to record it for `edgeheat <command>`, where it is a live camera.
    """
    scheme, target = resolve(source)
    if scheme in _FFMPEG_INPUT:
        raise SourceUnavailable(
            f"{redact(source)}: a live camera has no end. Record ten minutes first: "
            f"ffmpeg {_FFMPEG_INPUT[scheme]} -t 600 clip.mp4, then: edgeheat {command} clip.mp4"
        )
    return target


def frames_of(source: Source, name: str) -> Iterator[Frame]:
    """Yield the recording's frames; where it breaks off after some, end there and say so in the log, under `name`."""
    told, given = source.frame_count(), 0
    try:
        for frame in source.frames():
            given += 1
            yield frame
    except (SourceEnded, SourceUnavailable) as error:
        if not given:
            raise
        _log.warning("%s; what came before it is used (%d frames)", error, given)
    else:
        # Containers without an index just end where they were cut; the count itself may be a little off.
        if told is not None and given < _WHOLE_SHARE * told:
            _log.warning("%s: ends after %d of about %d frames; they are used", redact(name), given, told)
