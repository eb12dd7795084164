"""What all sources that PyAV reads share: opening, the video track alone, decoding, and the run of a live camera."""

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
from edgeheat.sources.av_errors import AV_ERRORS, NoVideoError, camera_fault, reason, timeout_fault
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.base import SourceOptions

_log = logging.getLogger(__name__)

_LONGEST_MENDING_S = 4.0
_TELL_TORN_EVERY_S = 3600.0
_LARGE_WIDTH = 1280

# PyAV 18 fails on a title that is not UTF-8 unless told otherwise; PyAV 19 takes any, and has no such argument.
_ANY_TITLE: dict[str, Any] = {"metadata_encoding": "latin-1"} if av.__version__.startswith("18.") else {}


def open_container(
    url: str,
    av_options: Mapping[str, str],
    container_format: str | None = None,
    timeout_s: tuple[float, float] | None = None,
) -> InputContainer:
    """Open `url`; `timeout_s` is for opening and for each read. Raises any of AV_ERRORS."""
    # FFmpeg's own log has URLs with passwords in it, and a line for each damaged packet.
    av.logging.set_level(None)
    container: InputContainer = av.open(
        url,
        format=container_format,
        options=dict(av_options),
        timeout=timeout_s,
        **_ANY_TITLE,
    )
    return container


def video_track(container: InputContainer, threads: int = 1) -> VideoStream:
    """The first video track, to be decoded in so many threads; all other tracks are skipped. Raises NoVideoError."""
    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not tracks or tracks[0].codec_context is None:
        raise NoVideoError
    track = tracks[0]
    for other in container.streams:
        if other is not track:
            other.discard = Discard.all
    # Frame threads cost memory and delay, and there are more cameras than cores: for recordings only.
    track.codec_context.thread_type = "FRAME" if threads > 1 else "SLICE"
    track.codec_context.thread_count = threads
    return track


def spare_loop_filter(track: VideoStream) -> None:
    """Leave out H.264's and H.265's deblocking of large pictures, except in key frames: an eighth of the decoding.

    On the grid each cell is the mean of many pixels, so blocks do not show: the heat of 1080p clips correlates 0.9995
    with that of the filtered pictures, none lies in new places. Of 640x360 it was 0.98 at worst: not worth it there.
    """
    if track.codec_context.width >= _LARGE_WIDTH:
        track.codec_context.options = {"skip_loop_filter": "nokey"}


class Mending:
    """Leaves out what a decoder made up after data was lost: torn pictures would count as motion all over."""

    def __init__(self, name: str) -> None:
        """`name` is for the log, without passwords."""
        self._name = name
        self._torn_since_s: float | None = None
        self._told_s = -math.inf

    def clean(self, *, corrupt: bool, key_frame: bool, now_s: float) -> bool:
        """Whether a picture can be trusted: not from one marked corrupt on, until a key frame that is not.

        A camera without key frames, or whose every picture is marked, is taken as it is after four seconds, with a
        warning once an hour.
        """
        if corrupt:
            self._torn_since_s = now_s if self._torn_since_s is None else self._torn_since_s
        elif key_frame:
            self._torn_since_s = None
        if self._torn_since_s is None:
            return True
        if now_s - self._torn_since_s <= _LONGEST_MENDING_S:
            return False
        self._tell(now_s)
        return True

    def _tell(self, now_s: float) -> None:
        if now_s - self._told_s < _TELL_TORN_EVERY_S:
            return
        self._told_s = now_s
        _log.warning(
            "%s: data is lost and no whole key frame came for %.0f s; torn pictures may now count as motion. "
            'Set a key frame (I-frame) every second or two in the camera, rtsp_transport = "tcp" here, and look at the '
            "network",
            self._name,
            _LONGEST_MENDING_S,
        )


class Decoder:
    """Decodes one video track, packet by packet."""

    def __init__(self, container: InputContainer, track: VideoStream) -> None:
        self._packets = container.demux(track)
        self.damaged = 0
        """Packets that could not be decoded."""

    def __iter__(self) -> Iterator[list[VideoFrame]]:
        """The pictures of each packet, often one, sometimes none. Raises any of AV_ERRORS where reading fails."""
        for packet in self._packets:
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                self.damaged += 1  # the next key frame mends it
                pictures = []
            yield pictures


def live_frames(
    url: str, options: SourceOptions, av_options: Mapping[str, str], container_format: str | None = None
) -> Iterator[Frame]:
    """The frames of one run of a camera, stamped on arrival.

    Raises SourceUnavailable where it cannot be opened or nothing decodes within `read_timeout_s`,
    SourceEnded where it gave frames and stopped.
    """
    name, clock = redact(url), options.clock
    if clock is None:
        raise SourceUnavailable(f"{name}: a live camera has no end to render. Record it to a file first")
    timeout_s = (options.open_timeout_s, options.read_timeout_s)
    opened_s = clock.monotonic()
    try:
        container = open_container(url, av_options, container_format, timeout_s)
    except AV_ERRORS as error:
        silent = isinstance(error, av.error.ExitError | TimeoutError)
        # A server that accepts and stays silent gives a different error in each protocol.
        if silent or clock.monotonic() - opened_s >= options.open_timeout_s:
            raise SourceUnavailable(timeout_fault(name, options.open_timeout_s)) from None
        raise SourceUnavailable(camera_fault(name, error)) from None
    with container:
        yield from _run(container, name, clock, options.read_timeout_s)


def _run(container: InputContainer, name: str, clock: Clock, read_timeout_s: float) -> Iterator[Frame]:
    try:
        track = video_track(container)
        spare_loop_filter(track)
        decoder = Decoder(container, track)
    except AV_ERRORS as error:
        raise SourceUnavailable(camera_fault(name, error)) from None
    packets, maker, mending = iter(decoder), FrameMaker(), Mending(name)
    last_s, running = clock.monotonic(), False
    while True:
        try:
            pictures = next(packets, None)
        except AV_ERRORS as error:
            raise _stopped(name, running, error, read_timeout_s) from None
        if pictures is None:
            raise _stopped(name, running, None, read_timeout_s)
        now_s = clock.monotonic()
        if pictures:
            last_s, running = now_s, True
        elif now_s - last_s > read_timeout_s:
            # Data comes, so PyAV's own timeout is content, but no picture comes out of it.
            kind = SourceEnded if running else SourceUnavailable
            raise kind(f"{name}: data, but no picture for {read_timeout_s:g} s ({decoder.damaged} damaged packets)")
        for picture in pictures:
            if not mending.clean(corrupt=picture.is_corrupt, key_frame=bool(picture.key_frame), now_s=now_s):
                continue
            yield maker.frame(picture, now_s, clock.wall())


def _stopped(name: str, running: bool, error: BaseException | None, read_timeout_s: float) -> Exception:
    """What to raise when a camera's stream stops; no error: it ended in good order."""
    kind = SourceEnded if running else SourceUnavailable
    if isinstance(error, av.error.ExitError | TimeoutError):
        return kind(f"{name}: no data for {read_timeout_s:g} s. Is the camera on, and reachable from here?")
    if error is None or isinstance(error, av.error.EOFError) or getattr(error, "errno", None) == errno.EIO:
        return kind(f"{name}: the camera ended the stream")
    return kind(f"{name}: the stream broke off ({reason(error)})")
