"""Reads HTTP cameras that send MJPEG (multipart/x-mixed-replace)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from av import Packet
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeheat.core.grid.frames import Frame
from edgeheat.defs.clock import Clock
from edgeheat.errors import SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.av_errors import AV_ERRORS, camera_message, timeout_message
from edgeheat.sources.av_stream import open_container
from edgeheat.sources.base import Source, SourceOptions, live_clock
from edgeheat.sources.http_stream import HttpStream, open_http_stream
from edgeheat.sources.live_stream import LiveStream

_MULTIPART_MJPEG = "mpjpeg"
"""FFmpeg's name of multipart MJPEG. It is not detected: a malicious server could send a playlist of local files."""


_IMMEDIATE_S = 0.01
"""A picture that is read in less time was waiting: cameras send at most 60 a second."""


_PICTURE_BYTES = 1024
"""Waiting data of this length is part of a picture; less may be the boundary between two."""


class HttpSource:
    """One HTTP camera."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url = url
        self._name = redact(url)
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        options, clock = self._options, live_clock(self._name, self._options)
        with closing(self._request(clock)) as body, self._open(body) as container:
            backlog = _WaitingPictures(body, options.read_timeout_s)
            yield from LiveStream(container, backlog, self._name, options).frames()

    def frame_count(self) -> int | None:
        """Return None: a camera has no end."""
        return None

    def _request(self, clock: Clock) -> HttpStream:
        try:
            return open_http_stream(self._url, self._options.open_timeout_s, clock)
        except AV_ERRORS as error:
            raise self._open_error(error) from None

    def _open(self, body: HttpStream) -> InputContainer:
        body.limit_wait(self._options.open_timeout_s)
        try:
            return open_container(body, {"fpsprobesize": "0"}, _MULTIPART_MJPEG)
        except AV_ERRORS as error:
            raise self._open_error(error) from None

    def _open_error(self, error: BaseException) -> SourceUnavailable:
        if isinstance(error, TimeoutError):
            return SourceUnavailable(timeout_message(self._name, self._options.open_timeout_s))
        return SourceUnavailable(camera_message(self._name, error))


class _WaitingPictures:
    """The backlog of a stream without timestamps: the pictures that have arrived and were not read yet.

    Every picture can be decoded by itself, so the newest is always the one to read.
    """

    def __init__(self, body: HttpStream, read_timeout_s: float) -> None:
        self._body = body
        self._read_timeout_s = read_timeout_s
        body.limit_wait(read_timeout_s)

    def discards(self, packet: Packet[VideoStream], _now_s: float, waited_s: float) -> bool:
        """See `Backlog.discards`."""
        self._body.limit_wait(self._read_timeout_s)
        waiting = self._body.waiting_bytes()
        # Either a whole further picture is waiting, or a part of one that the camera's machine holds back: TCP lets
        # only so much through. A picture that had to be waited for is a current one, whatever follows it.
        return waiting >= packet.size or (waiting >= _PICTURE_BYTES and waited_s < _IMMEDIATE_S)

    def arrival_s(self, _picture: VideoFrame, now_s: float) -> float:
        """See `Backlog.arrival_s`."""
        return now_s


def open_http(url: str, options: SourceOptions) -> Source:
    """Return the source of an `http://` or `https://` URL."""
    return HttpSource(url, options)
