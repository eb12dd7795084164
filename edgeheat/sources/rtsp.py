"""Reads RTSP cameras: H.264, H.265 and MJPEG over TCP or UDP."""

from __future__ import annotations

from collections.abc import Iterator

from edgeheat.core.grid.frames import Frame
from edgeheat.sources.av_stream import live_frames
from edgeheat.sources.base import Source, SourceOptions


class RtspSource:
    """One RTSP camera."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url = url
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        av_options = {
            "rtsp_transport": self._options.rtsp_transport,
            # With audio, the read timeout would not expire while the video hangs.
            "allowed_media_types": "video",
            "protocol_whitelist": "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto",
            # Measuring the frame rate, which is not needed, would delay the first frame by a second.
            "fpsprobesize": "0",
        }
        yield from live_frames(self._url, self._options, av_options)

    def frame_count(self) -> int | None:
        """Return None: a camera has no end."""
        return None


def open_rtsp(url: str, options: SourceOptions) -> Source:
    """Return the source of an `rtsp://` or `rtsps://` URL."""
    return RtspSource(url, options)
