"""Reads recordings: the first video track of any container that PyAV opens, including GIF."""

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
from edgeheat.sources.av_errors import AV_ERRORS, file_message, reason
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.av_stream import Decoder, open_container, video_track
from edgeheat.sources.base import DEFAULT_FPS, Source, SourceOptions
from edgeheat.sources.playback import Playback
from edgeheat.sources.timeline import Timeline

_log = logging.getLogger(__name__)

_OFFLINE_THREADS = 2
"""Decoder threads offline, where decoding takes most of the time; the pictures are the same."""

_TEXT_FORMAT = "tty"
"""The format under which FFmpeg would play a text file as a video of letters."""

_AV_OPTIONS = {"protocol_whitelist": "file"}
"""A recording that is a playlist may refer to other files, but not to the network."""


class FileSource:
    """One recording, played once or, with `loop`, repeatedly.

    Offline, `mono_s` is 0 at the first frame of the file and follows the recording's timestamps; `wall_s` starts at the
    container's `creation_time`, or else at the file's modification time less its length. `start`, `count` and `step`
    apply to each repetition.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`; SourceEnded where the recording is damaged or cut off after its first frame."""
        playback: Playback | None = None
        start_s = 0.0
        while True:
            container, track = self._open()
            with container:
                if playback is None:
                    playback = Playback(self._options.clock, self._recorded_wall_s(container))
                maker = FrameMaker(track)
                playthrough = _Pass(container, track, start_s, str(self._path))
                for picture, media_s in islice(playthrough.pictures(), *_selection(self._options)):
                    yield maker.frame(picture, *playback.stamp(media_s))
            if playthrough.decoded == 0:
                raise SourceUnavailable(f"{self._path}: not a video, or a damaged one: no frame can be decoded")
            if playthrough.damaged:
                _log.warning("%s: skipped %d damaged packets", self._path, playthrough.damaged)
            if not self._options.loop:
                return
            start_s = playthrough.next_s

    def frame_count(self) -> int | None:
        """Return the container's own count, or its length times its mean frame rate, which may be slightly wrong."""
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
            # With the prefix, a colon in a file name is not taken for the end of a protocol name.
            container = open_container(f"file:{name}", _AV_OPTIONS)
        except AV_ERRORS as error:
            raise SourceUnavailable(file_message(name, error)) from None
        if container.format.name == _TEXT_FORMAT:
            container.close()
            raise SourceUnavailable(f"{name}: text, not a video")
        try:
            return container, video_track(container, _OFFLINE_THREADS if self._options.clock is None else 1)
        except AV_ERRORS as error:
            container.close()
            raise SourceUnavailable(file_message(name, error)) from None

    def _recorded_wall_s(self, container: InputContainer) -> float:
        """Return the Unix time of the first frame."""
        created_s = _creation_time(container.metadata)
        return created_s if created_s is not None else self._path.stat().st_mtime - (container.duration or 0) / 1e6


class _Pass:
    """One pass through a recording, with times that only increase."""

    def __init__(self, container: InputContainer, track: VideoStream, start_s: float, name: str) -> None:
        self._decoder = Decoder(container, track)
        self._stated_s = _stated_length_s(container, track)
        frame_s = 1 / float(track.average_rate or DEFAULT_FPS)
        self._start_s = start_s
        self._timeline = Timeline(float(track.time_base or 0), frame_s, start_s)
        self._name = name
        self.decoded = 0
        """Number of frames so far."""

    @property
    def next_s(self) -> float:
        """Start time of the next pass."""
        return self._timeline.next_s

    @property
    def damaged(self) -> int:
        """Number of packets that could not be decoded."""
        return self._decoder.damaged

    def pictures(self) -> Iterator[tuple[VideoFrame, float]]:
        """Yield each picture and its time. Raises SourceUnavailable before the first picture, else SourceEnded."""
        packets = iter(self._decoder)
        while True:
            try:
                pictures = next(packets, None)
            except AV_ERRORS as error:
                if self.decoded == 0:
                    raise SourceUnavailable(file_message(self._name, error)) from None
                raise SourceEnded(
                    f"{self._name}: damaged or cut off after frame {self.decoded} ({reason(error)})"
                ) from None
            if pictures is None:
                self._check_length(self.next_s - self._start_s)
                return
            for picture in pictures:
                self.decoded += 1
                yield picture, self._timeline.assign_time(picture.pts, picture.dts, picture.duration)

    def _check_length(self, played_s: float) -> None:
        """Raise SourceEnded if the recording is shorter than its header states: it was cut off."""
        missing_s = self._stated_s - played_s
        if self.decoded and missing_s > max(1.0, 0.1 * self._stated_s):
            raise SourceEnded(f"{self._name}: cut off: {played_s:.1f} s of {self._stated_s:.1f} s can be read")


def _stated_length_s(container: InputContainer, track: VideoStream) -> float:
    """Return the length of the video in the header; 0 if there is none, or if it may be the length of the audio."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0.0


def _selection(options: SourceOptions) -> tuple[int, int | None, int]:
    """Return the start, stop and step of the slice that `start`, `count` and `step` mean."""
    stop = None if options.count is None else options.start + options.count * options.step
    return options.start, stop, options.step


def _creation_time(metadata: Mapping[str, str]) -> float | None:
    """Return the container's creation time as Unix time; UTC is assumed where it has no offset."""
    try:
        created = datetime.fromisoformat(metadata["creation_time"])
    except (KeyError, ValueError):
        return None
    return (created if created.tzinfo else created.replace(tzinfo=UTC)).timestamp()


def open_file(path: str, options: SourceOptions) -> Source:
    """Return the source of the recording at `path`."""
    return FileSource(Path(path), options)
