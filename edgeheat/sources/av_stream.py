"""Opens video with PyAV and decodes its packets, for recordings and network cameras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import av
from av import Packet
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeheat.sources.av_errors import NoVideoError, UnknownCodecError

_LARGE_WIDTH_PX = 1280
"""Smallest width at which the loop filter is skipped."""

_READ_BYTES = 4096
"""How much is read at once from a stream of bytes: less than a picture, so that what is waiting stays where it can be
measured."""

MJPEG = "mjpeg"
"""FFmpeg's name of the codec whose pictures are all JPEGs."""

_METADATA_OPTIONS: dict[str, Any] = {"metadata_encoding": "latin-1"} if av.__version__.startswith("18.") else {}
"""PyAV 18 fails on titles that are not UTF-8 without this; PyAV 19 accepts any and has no such argument."""


class ByteStream(Protocol):
    """What PyAV reads from instead of a URL."""

    def read(self, size: int) -> bytes:
        """Wait for data and return at most `size` bytes; empty at the end."""
        ...


def open_container(
    source: str | ByteStream,
    av_options: Mapping[str, str],
    container_format: str | None = None,
    timeout_s: tuple[float, float] | None = None,
) -> InputContainer:
    """Open a URL or a stream of bytes. Raises any of AV_ERRORS, and what reading the stream raises.

    `timeout_s` is the limit for opening and for each read of a URL.
    """
    # Switches FFmpeg's own log off: it contains URLs with passwords, and a line for each damaged packet.
    av.logging.set_level(None)
    container: InputContainer = av.open(
        source,
        buffer_size=_READ_BYTES,
        format=container_format,
        options=dict(av_options),
        timeout=timeout_s,
        **_METADATA_OPTIONS,
    )
    return container


def video_track(container: InputContainer, threads: int = 1) -> VideoStream:
    """Return the first video track, set up for a number of decoder threads; other tracks are not read.

    Raises NoVideoError, or UnknownCodecError where there is no decoder for it.
    """
    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not tracks:
        raise NoVideoError
    if tracks[0].codec_context is None:
        raise UnknownCodecError
    track = tracks[0]
    for other in container.streams:
        if other is not track:
            other.discard = Discard.all
    # Frame threads cost memory and latency, and there are more cameras than cores: only for recordings.
    track.codec_context.thread_type = "FRAME" if threads > 1 else "SLICE"
    track.codec_context.thread_count = threads
    return track


def set_up_for_live(track: VideoStream) -> None:
    """Set the decoder options of a camera's track.

    MJPEG pictures with errors are rejected: FFmpeg would return them in part, the rest grey. RTSP does not transmit the
    Huffman tables of JPEG (RFC 2435), so pictures with other tables than the standard's are errors throughout.

    H.264's and H.265's deblocking of large pictures is skipped, except in key frames: it takes an eighth of the time.
    On the grid each cell is the mean of many pixels, so block artefacts vanish: the heat of 1080p clips correlates
    0.9995 with that of filtered pictures and has no new places. With 640x360 it was 0.98 at worst: not worth it there.
    """
    if track.codec_context.name == MJPEG:
        track.codec_context.options = {"err_detect": "explode"}
    elif track.codec_context.width >= _LARGE_WIDTH_PX:
        track.codec_context.options = {"skip_loop_filter": "nokey"}


def decode(packet: Packet[VideoStream]) -> list[VideoFrame] | None:
    """Return the pictures of a packet: usually one, sometimes none; None if it is damaged.

    Decoding recovers at the next key frame.
    """
    try:
        return packet.decode()
    except av.FFmpegError:
        return None


class Decoder:
    """Decodes one video track of a recording, packet by packet."""

    def __init__(self, container: InputContainer, track: VideoStream) -> None:
        self._packets = container.demux(track)
        self.damaged = 0
        """Number of packets that could not be decoded."""

    def __iter__(self) -> Iterator[list[VideoFrame]]:
        """Yield the pictures of each packet: usually one, sometimes none. Raises any of AV_ERRORS if reading fails."""
        for packet in self._packets:
            pictures = decode(packet)
            self.damaged += pictures is None
            yield pictures or []
