"""Reads HTTP cameras that send MJPEG (multipart/x-mixed-replace)."""

from __future__ import annotations

from collections.abc import Iterator

from edgeheat.core.grid.frames import Frame
from edgeheat.sources.av_stream import live_frames
from edgeheat.sources.base import Source, SourceOptions


class HttpSource:
    """One HTTP camera."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url = url
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        # Fixed format and protocols: a malicious server must not make this program read local files or connect to
        # other hosts' services through a playlist or a redirect.
        av_options = {"protocol_whitelist": "http,https,tcp,tls,crypto", "fpsprobesize": "0"}
        yield from live_frames(self._url, self._options, av_options, container_format="mpjpeg")

    def frame_count(self) -> int | None:
        """Return None: a camera has no end."""
        return None


def open_http(url: str, options: SourceOptions) -> Source:
    """Return the source of an `http://` or `https://` URL."""
    return HttpSource(url, options)
