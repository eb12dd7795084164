"""Reads the pictures of a network camera as they arrive: skips a backlog, drops damaged pictures, notices silence."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import av
from av import Packet
from av.container import InputContainer
from av.video.stream import VideoStream

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.sources.av_errors import AV_ERRORS, camera_message, reason
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.av_stream import MJPEG, decode, set_up_for_live, video_track
from edgeheat.sources.base import SourceOptions, live_clock
from edgeheat.sources.catch_up import Backlog
from edgeheat.sources.corruption import CorruptionFilter


class LiveStream:
    """One run of a network camera from its first packet to its last."""

    def __init__(
        self,
        container: InputContainer,
        backlog: Backlog,
        name: str,
        options: SourceOptions,
    ) -> None:
        """`name` is the camera's redacted URL. Raises SourceUnavailable if the container has no video."""
        try:
            self._track: VideoStream = video_track(container)
            set_up_for_live(self._track)
        except AV_ERRORS as error:
            raise SourceUnavailable(camera_message(name, error)) from None
        self._packets = container.demux(self._track)
        self._backlog = backlog
        self._name = name
        self._clock = live_clock(name, options)
        self._read_timeout_s = options.read_timeout_s
        self._statistics = options.statistics
        self._corruption = CorruptionFilter(name)
        self._maker = FrameMaker(self._track)
        self._discarding = False
        self._running = False
        self._damaged_since_picture = 0
        self._last_picture_s = self._clock.monotonic()
        self._last_mono_s = -float("inf")

    def frames(self) -> Iterator[Frame]:
        """Yield the frames, stamped with their arrival at this machine; see `Source.frames`.

        Raises SourceUnavailable where no first picture is decoded within `read_timeout_s`, SourceEnded where the stream
        stops after that.
        """
        while True:
            asked_s = self._clock.monotonic()
            packet = self._next_packet()
            now_s = self._clock.monotonic()
            if self._backlog.discards(packet, now_s, now_s - asked_s):
                self._statistics.frames_late += 1
                if not self._discarding:
                    self._discarding, self._last_picture_s = True, now_s  # what was waiting arrived while none was read
                self._check_silence(now_s)
                continue
            yield from self._decoded(packet, now_s)

    def _next_packet(self) -> Packet[VideoStream]:
        try:
            packet = next(self._packets, None)
        except AV_ERRORS as error:
            raise self._stop_error(error) from None
        if packet is None or not packet.size:  # PyAV ends with an empty packet
            raise self._stop_error(None)
        return packet

    def _decoded(self, packet: Packet[VideoStream], now_s: float) -> Iterator[Frame]:
        if self._discarding:
            self._discarding = False
            self._track.codec_context.flush_buffers()  # pictures from before the gap are neither shown nor referred to
        pictures = decode(packet)
        if pictures is None:
            self._statistics.frames_damaged += 1
            self._damaged_since_picture += 1
        if not pictures:
            self._check_silence(now_s)
            return
        self._running, self._last_picture_s, self._damaged_since_picture = True, now_s, 0
        for picture in pictures:
            if not self._corruption.accepts(corrupt=picture.is_corrupt, key_frame=bool(picture.key_frame), now_s=now_s):
                self._statistics.frames_damaged += 1
                continue
            # Times must not decrease, even where the camera's timestamps do.
            mono_s = self._last_mono_s = max(self._last_mono_s, self._backlog.arrival_s(picture, now_s))
            yield self._maker.frame(picture, mono_s, self._clock.wall() - (now_s - mono_s))

    def _check_silence(self, now_s: float) -> None:
        """Raise an error if data arrives, so that PyAV's own timeout does not expire, but no picture comes from it."""
        if now_s - self._last_picture_s <= self._read_timeout_s:
            return
        kind = SourceEnded if self._running else SourceUnavailable
        within = f"{self._name}: data, but no picture for {self._read_timeout_s:g} s"
        if self._discarding:
            raise kind(
                f"{within}: this machine fell behind, and no key frame arrived since: set a key frame (I-frame) "
                "interval of one or two seconds in the camera"
            )
        packets = f"{self._damaged_since_picture} damaged packets"
        if self._track.codec_context.name == MJPEG:
            raise kind(
                f"{within} ({packets}): its JPEG pictures are damaged, or have optimised Huffman tables, which RTSP "
                "does not transmit: set the camera to H.264 or to standard tables"
            )
        raise kind(f"{within} ({packets}): check the network and the codec")

    def _stop_error(self, error: BaseException | None) -> Exception:
        """Return the exception for a stream that stopped; error is None where it ended regularly."""
        kind = SourceEnded if self._running else SourceUnavailable
        if isinstance(error, av.error.ExitError | TimeoutError):
            return kind(
                f"{self._name}: no data for {self._read_timeout_s:g} s: check that the camera is on and reachable "
                "from here"
            )
        if error is None or isinstance(error, av.error.EOFError) or getattr(error, "errno", None) == errno.EIO:
            return kind(f"{self._name}: the camera ended the stream")
        return kind(f"{self._name}: the stream was interrupted ({reason(error)})")
