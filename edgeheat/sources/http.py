"""HTTP cameras that send JPEG pictures one after the other (MJPEG, multipart/x-mixed-replace)."""

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
        # The format is fixed and the protocols are listed, so that no answer of a hostile server, be it a playlist
        # or a redirect, makes this program read files or reach for other machines' services.
        av_options = {"protocol_whitelist": "http,https,tcp,tls,crypto", "fpsprobesize": "0"}
        yield from live_frames(self._url, self._options, av_options, container_format="mpjpeg")

    def frame_count(self) -> int | None:
        """None: a camera has no end."""
        return None


def open_http(url: str, options: SourceOptions) -> Source:
    """The source of an `http://` or `https://` URL."""
    return HttpSource(url, options)
