"""Reads the frames of a recording up to its end or to where it is cut off; rejects live cameras, which have no end."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources import resolve
from edgeheat.sources.base import Source

_log = logging.getLogger(__name__)

_FFMPEG_INPUT = {
    "rtsp": "-rtsp_transport tcp -i URL -c copy",
    "rtsps": "-rtsp_transport tcp -i URL -c copy",
    "http": "-i URL",
    "https": "-i URL",
    "usb": "-f v4l2 -i /dev/video0",
}
"""ffmpeg's arguments by the scheme of a live camera; `URL` stands for its URL, which may contain a password."""


def recording_target(source: str, command: str) -> str:
    """Return the path or URL of `source` as its opener takes it (see `sources.resolve`).

    Raises SourceUnavailable where it is a live camera; the message says how to record it for `edgeheat <command>`.
    """
    scheme, target = resolve(source)
    if scheme in _FFMPEG_INPUT:
        raise SourceUnavailable(
            f"{redact(source)}: a live camera has no end. Record ten minutes first: "
            f"ffmpeg {_FFMPEG_INPUT[scheme]} -t 600 clip.mp4, then: edgeheat {command} clip.mp4"
        )
    return target


def read_frames(source: Source) -> Iterator[Frame]:
    """Yield the frames of a recording; where it is cut off, end with a warning in the log.

    Raises SourceUnavailable or SourceEnded where not a single frame can be read.
    """
    count = 0
    try:
        for frame in source.frames():
            count += 1
            yield frame
    except (SourceEnded, SourceUnavailable) as error:
        if not count:
            raise
        _log.warning("%s; the %d frames before that are used", error, count)
