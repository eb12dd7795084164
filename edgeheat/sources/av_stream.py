"""Opens and decodes video with PyAV, for recordings and cameras; reads network cameras and drops corrupt pictures."""

from __future__ import annotations

import errno
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeheat.core.grid.frames import Frame
from edgeheat.defs.clock import Clock
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.av_errors import AV_ERRORS, NoVideoError, camera_message, reason, timeout_message
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.base import SourceOptions

_log = logging.getLogger(__name__)

_MAX_WAIT_FOR_KEY_FRAME_S = 4.0
"""Time without an intact key frame after which damaged pictures are used."""

_WARN_INTERVAL_S = 3600.0
"""Time between two warnings about damaged pictures."""

_LARGE_WIDTH_PX = 1280
"""Smallest width at which the loop filter is skipped."""

_METADATA_OPTIONS: dict[str, Any] = {"metadata_encoding": "latin-1"} if av.__version__.startswith("18.") else {}
"""PyAV 18 fails on titles that are not UTF-8 without this; PyAV 19 accepts any and has no such argument."""


def open_container(
    url: str,
    av_options: Mapping[str, str],
    container_format: str | None = None,
    timeout_s: tuple[float, float] | None = None,
) -> InputContainer:
    """Open `url`; `timeout_s` is the limit for opening and for each read. Raises any of AV_ERRORS."""
    # Switches FFmpeg's own log off: it contains URLs with passwords, and a line for each damaged packet.
    av.logging.set_level(None)
    container: InputContainer = av.open(
        url,
        format=container_format,
        options=dict(av_options),
        timeout=timeout_s,
        **_METADATA_OPTIONS,
    )
    return container


def video_track(container: InputContainer, threads: int = 1) -> VideoStream:
    """Return the first video track, set up for a number of decoder threads; other tracks are not read.

    Raises NoVideoError.
    """
    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not tracks or tracks[0].codec_context is None:
        raise NoVideoError
    track = tracks[0]
    for other in container.streams:
        if other is not track:
            other.discard = Discard.all
    # Frame threads cost memory and latency, and there are more cameras than cores: only for recordings.
    track.codec_context.thread_type = "FRAME" if threads > 1 else "SLICE"
    track.codec_context.thread_count = threads
    return track


def skip_loop_filter(track: VideoStream) -> None:
    """Skip H.264's and H.265's deblocking of large pictures, except in key frames: it takes an eighth of the time.

    On the grid each cell is the mean of many pixels, so block artefacts vanish: the heat of 1080p clips correlates
    0.9995 with that of filtered pictures and has no new places. With 640x360 it was 0.98 at worst: not worth it there.
    """
    if track.codec_context.width >= _LARGE_WIDTH_PX:
        track.codec_context.options = {"skip_loop_filter": "nokey"}


class CorruptionFilter:
    """Rejects pictures that the decoder reconstructed after data loss: they would count as motion everywhere."""

    def __init__(self, name: str) -> None:
        """`name` appears in the log, so it must not contain passwords."""
        self._name = name
        self._corrupt_since_s: float | None = None
        self._warned_s = -math.inf

    def accepts(self, *, corrupt: bool, key_frame: bool, now_s: float) -> bool:
        """Return whether to use a picture: none from a corrupt one up to the next intact key frame.

        After four seconds without such a key frame all pictures are used, with a warning once an hour: some cameras
        send no key frames or mark every picture as corrupt.
        """
        if corrupt:
            self._corrupt_since_s = now_s if self._corrupt_since_s is None else self._corrupt_since_s
        elif key_frame:
            self._corrupt_since_s = None
        if self._corrupt_since_s is None:
            return True
        if now_s - self._corrupt_since_s <= _MAX_WAIT_FOR_KEY_FRAME_S:
            return False
        self._warn(now_s)
        return True

    def _warn(self, now_s: float) -> None:
        if now_s - self._warned_s < _WARN_INTERVAL_S:
            return
        self._warned_s = now_s
        _log.warning(
            "%s: data was lost and no intact key frame arrived for %.0f s; damaged pictures may count as motion. Set a "
            'key frame (I-frame) interval of one or two seconds in the camera, rtsp_transport = "tcp" here, and check '
            "the network",
            self._name,
            _MAX_WAIT_FOR_KEY_FRAME_S,
        )


class Decoder:
    """Decodes one video track, packet by packet."""

    def __init__(self, container: InputContainer, track: VideoStream) -> None:
        self._packets = container.demux(track)
        self.damaged = 0
        """Number of packets that could not be decoded."""

    def __iter__(self) -> Iterator[list[VideoFrame]]:
        """Yield the pictures of each packet: usually one, sometimes none. Raises any of AV_ERRORS if reading fails."""
        for packet in self._packets:
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                self.damaged += 1  # decoding recovers at the next key frame
                pictures = []
            yield pictures


def live_frames(
    url: str, options: SourceOptions, av_options: Mapping[str, str], container_format: str | None = None
) -> Iterator[Frame]:
    """Open a network camera and yield its frames, stamped on arrival; see `Source.frames`.

    Raises SourceUnavailable where it cannot be opened or no first picture is decoded within `read_timeout_s`,
    SourceEnded where the stream stops after that.
    """
    name, clock = redact(url), options.clock
    if clock is None:
        raise SourceUnavailable(f"{name}: a live camera cannot be read offline: record it to a file first")
    timeout_s = (options.open_timeout_s, options.read_timeout_s)
    opened_s = clock.monotonic()
    try:
        container = open_container(url, av_options, container_format, timeout_s)
    except AV_ERRORS as error:
        silent = isinstance(error, av.error.ExitError | TimeoutError)
        # A server that accepts the connection and never answers causes a different error in each protocol.
        if silent or clock.monotonic() - opened_s >= options.open_timeout_s:
            raise SourceUnavailable(timeout_message(name, options.open_timeout_s)) from None
        raise SourceUnavailable(camera_message(name, error)) from None
    with container:
        yield from _decode_frames(container, name, clock, options.read_timeout_s)


def _decode_frames(container: InputContainer, name: str, clock: Clock, read_timeout_s: float) -> Iterator[Frame]:
    try:
        track = video_track(container)
        skip_loop_filter(track)
        decoder = Decoder(container, track)
    except AV_ERRORS as error:
        raise SourceUnavailable(camera_message(name, error)) from None
    packets, maker, corruption = iter(decoder), FrameMaker(), CorruptionFilter(name)
    last_s, running = clock.monotonic(), False
    while True:
        try:
            pictures = next(packets, None)
        except AV_ERRORS as error:
            raise _stop_error(name, running, error, read_timeout_s) from None
        if pictures is None:
            raise _stop_error(name, running, None, read_timeout_s)
        now_s = clock.monotonic()
        if pictures:
            last_s, running = now_s, True
        elif now_s - last_s > read_timeout_s:
            # Data arrives, so PyAV's own timeout does not expire, but no picture is decoded from it.
            kind = SourceEnded if running else SourceUnavailable
            raise kind(
                f"{name}: data, but no picture for {read_timeout_s:g} s ({decoder.damaged} damaged packets): "
                "check the network and the codec"
            )
        for picture in pictures:
            if not corruption.accepts(corrupt=picture.is_corrupt, key_frame=bool(picture.key_frame), now_s=now_s):
                continue
            yield maker.frame(picture, now_s, clock.wall())


def _stop_error(name: str, running: bool, error: BaseException | None, read_timeout_s: float) -> Exception:
    """Return the exception for a stream that stopped; error is None where it ended regularly."""
    kind = SourceEnded if running else SourceUnavailable
    if isinstance(error, av.error.ExitError | TimeoutError):
        return kind(f"{name}: no data for {read_timeout_s:g} s: check that the camera is on and reachable from here")
    if error is None or isinstance(error, av.error.EOFError) or getattr(error, "errno", None) == errno.EIO:
        return kind(f"{name}: the camera ended the stream")
    return kind(f"{name}: the stream was interrupted ({reason(error)})")
