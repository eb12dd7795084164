"""Reads RTSP cameras: H.264, H.265 and MJPEG over TCP or UDP."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.container import InputContainer

from edgeheat.core.grid.frames import Frame
from edgeheat.defs.clock import Clock
from edgeheat.errors import SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.av_errors import AV_ERRORS, camera_message, timeout_message
from edgeheat.sources.av_stream import open_container
from edgeheat.sources.base import Source, SourceOptions
from edgeheat.sources.catch_up import TimedBacklog
from edgeheat.sources.live_stream import LiveStream


class RtspSource:
    """One RTSP camera."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url = url
        self._name = redact(url)
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        options, clock = self._options, self._options.clock
        if clock is None:
            raise SourceUnavailable(f"{self._name}: a live camera cannot be read offline: record it to a file first")
        with self._open(clock) as container:
            stream = LiveStream(
                container,
                TimedBacklog(options.statistics),
                name=self._name,
                clock=clock,
                read_timeout_s=options.read_timeout_s,
                statistics=options.statistics,
            )
            yield from stream.frames()

    def frame_count(self) -> int | None:
        """Return None: a camera has no end."""
        return None

    def _open(self, clock: Clock) -> InputContainer:
        options, opened_s = self._options, clock.monotonic()
        av_options = {
            "rtsp_transport": options.rtsp_transport,
            # With audio, the read timeout would not expire while the video hangs.
            "allowed_media_types": "video",
            "protocol_whitelist": "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto",
            # Measuring the frame rate, which is not needed, would delay the first frame by a second.
            "fpsprobesize": "0",
        }
        try:
            return open_container(self._url, av_options, timeout_s=(options.open_timeout_s, options.read_timeout_s))
        except AV_ERRORS as error:
            silent = isinstance(error, av.error.ExitError | TimeoutError)
            # A server that accepts the connection and never answers causes a different error in each protocol.
            if silent or clock.monotonic() - opened_s >= options.open_timeout_s:
                raise SourceUnavailable(timeout_message(self._name, options.open_timeout_s)) from None
            raise SourceUnavailable(camera_message(self._name, error)) from None


def open_rtsp(url: str, options: SourceOptions) -> Source:
    """Return the source of an `rtsp://` or `rtsps://` URL."""
    return RtspSource(url, options)
