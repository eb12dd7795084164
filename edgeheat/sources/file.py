"""Recordings: the first video track of any container that PyAV opens, GIF included."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.sources.av_errors import AV_ERRORS, file_fault, reason
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.av_stream import Decoder, open_container, video_track
from edgeheat.sources.base import Source, SourceOptions
from edgeheat.sources.playback import Playback
from edgeheat.sources.timeline import Timeline

_log = logging.getLogger(__name__)

_RENDER_THREADS = 2
"""Offline nothing else runs, and decoding is what takes the time; the pictures are the same."""

_DEFAULT_RATE = 25.0
_TEXT_FORMAT = "tty"
"""FFmpeg would play a text file as a film of letters."""

# A recording that is a playlist may name other files, but no address in the network.
_AV_OPTIONS = {"protocol_whitelist": "file"}


class FileSource:
    """One recording, played once or, with `loop`, for ever.

    Offline, `mono_s` counts from 0 at the first frame of the file, by the recording's own timestamps, and `wall_s` from
    the container's `creation_time`, or where it has none from the file's last change less the recording's length.
    `start`, `count` and `step` choose frames in each turn.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`; SourceEnded where a recording turns out damaged on the way."""
        playback: Playback | None = None
        maker = FrameMaker()
        turn_starts_s = 0.0
        while True:
            container, track = self._open()
            with container:
                if playback is None:
                    playback = Playback(self._options.clock, self._recorded_wall_s(container))
                turn = _Turn(container, track, turn_starts_s, str(self._path))
                for picture, media_s in islice(turn.pictures(), *_selection(self._options)):
                    yield maker.frame(picture, *playback.stamp(media_s))
            if turn.decoded == 0:
                raise SourceUnavailable(f"{self._path}: not a video, or a damaged one: nothing in it decodes")
            if turn.damaged:
                _log.warning("%s: damaged packets left out: %d", self._path, turn.damaged)
            if not self._options.loop:
                return
            turn_starts_s = turn.next_s

    def frame_count(self) -> int | None:
        """The container's own count, or its length times its mean rate, which may be a little off."""
        if self._options.loop:
            return None
        try:
            container, track = self._open()
        except SourceUnavailable:
            return None
        with container:
            total = track.frames
            if not total and container.duration and track.average_rate:
                total = round(container.duration / 1e6 * float(track.average_rate))
        return len(range(total)[slice(*_selection(self._options))]) if total else None

    def _open(self) -> tuple[InputContainer, VideoStream]:
        name = str(self._path)
        try:
            if self._path.stat().st_size == 0:
                raise SourceUnavailable(f"{name}: the file is empty")
            # The prefix keeps a colon in a file's name from being read as a protocol.
            container = open_container(f"file:{name}", _AV_OPTIONS)
        except AV_ERRORS as error:
            raise SourceUnavailable(file_fault(name, error)) from None
        if container.format.name == _TEXT_FORMAT:
            container.close()
            raise SourceUnavailable(f"{name}: text, not a video")
        try:
            return container, video_track(container, _RENDER_THREADS if self._options.clock is None else 1)
        except AV_ERRORS as error:
            container.close()
            raise SourceUnavailable(file_fault(name, error)) from None

    def _recorded_wall_s(self, container: InputContainer) -> float:
        """Unix time of the first frame."""
        told = _creation_time(container.metadata)
        return told if told is not None else self._path.stat().st_mtime - (container.duration or 0) / 1e6


class _Turn:
    """One pass through a recording, on a time line that only grows."""

    def __init__(self, container: InputContainer, track: VideoStream, starts_s: float, name: str) -> None:
        self._decoder = Decoder(container, track)
        self._promised_s = _promised_s(container, track)
        frame_s = 1 / float(track.average_rate or _DEFAULT_RATE)
        self._starts_s = starts_s
        self._timeline = Timeline(float(track.time_base or 0), frame_s, starts_s)
        self._name = name
        self.decoded = 0

    @property
    def next_s(self) -> float:
        """Where the next turn begins."""
        return self._timeline.next_s

    @property
    def damaged(self) -> int:
        """Packets left out."""
        return self._decoder.damaged

    def pictures(self) -> Iterator[tuple[VideoFrame, float]]:
        """Each picture and its time. Raises SourceUnavailable or SourceEnded."""
        packets = iter(self._decoder)
        while True:
            try:
                pictures = next(packets, None)
            except AV_ERRORS as error:
                if self.decoded == 0:
                    raise SourceUnavailable(file_fault(self._name, error)) from None
                raise SourceEnded(
                    f"{self._name}: damaged or cut off after frame {self.decoded} ({reason(error)})"
                ) from None
            if pictures is None:
                self._check_length(self.next_s - self._starts_s)
                return
            for picture in pictures:
                self.decoded += 1
                yield picture, self._timeline.place(picture.pts, picture.dts, picture.duration)

    def _check_length(self, played_s: float) -> None:
        """Most containers just end where the file was cut off; their header tells that more was meant to come."""
        missing_s = self._promised_s - played_s
        if self.decoded and missing_s > max(1.0, 0.1 * self._promised_s):
            raise SourceEnded(f"{self._name}: cut off: {played_s:.1f} s of {self._promised_s:.1f} s can be read")


def _promised_s(container: InputContainer, track: VideoStream) -> float:
    """How long the header says that the pictures are; 0 where it does not say, or where sound may be what lasts."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0.0


def _selection(options: SourceOptions) -> tuple[int, int | None, int]:
    """`start`, `count` and `step` as the start, stop and step of a slice."""
    stop = None if options.count is None else options.start + options.count * options.step
    return options.start, stop, options.step


def _creation_time(metadata: Mapping[str, str]) -> float | None:
    """The container's creation time as Unix time; in UTC where no zone is told."""
    try:
        told = datetime.fromisoformat(metadata["creation_time"])
    except (KeyError, ValueError):
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def open_file(path: str, options: SourceOptions) -> Source:
    """The source of the recording at `path`."""
    return FileSource(Path(path), options)
