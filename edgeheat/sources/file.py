"""Reads recordings: the first video track of any container that PyAV opens, including GIF."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

from av.container import InputContainer
from av.format import Flags
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeheat.core.grid.frames import Frame, Orientation
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.sources.av_errors import AV_ERRORS, file_message, reason
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.av_stream import Decoder, open_container, video_track
from edgeheat.sources.base import DEFAULT_FPS, Source, SourceOptions
from edgeheat.sources.images import ImagesSource
from edgeheat.sources.playback import Playback
from edgeheat.sources.tiff import TIFF_SUFFIXES
from edgeheat.sources.timeline import Timeline

_log = logging.getLogger(__name__)

_OFFLINE_THREADS = 2
"""Decoder threads offline, where decoding takes most of the time; the pictures are the same."""

_UNUSABLE_FORMATS = {
    "tty": "text, not a video",  # FFmpeg would play it as a video of letters
    "tiff_pipe": "a TIFF file: rename it to end in .tif",  # of which FFmpeg reads only the first page
}
"""The error for formats, by FFmpeg's name, that are not read as videos."""

_NO_TIMESTAMPS: int = cast(Any, Flags.no_timestamps).value
"""FFmpeg's flag of formats without timestamps: streams without a container."""

_MAX_CREDIBLE_FPS = 120.0
"""Frames per second above which the timestamps of a recording are doubted."""

_AV_OPTIONS = {"protocol_whitelist": "file"}
"""A recording that is a playlist may refer to other files, but not to the network."""


class FileSource:
    """One recording, played once or, with `loop`, repeatedly.

    Offline, `mono_s` is 0 at the first frame of the file and follows the recording's timestamps; `wall_s` starts at the
    container's `creation_time`, or else at the file's modification time less its length. With `fps`, frames are equally
    spaced and the recording's own times are ignored. `start`, `count` and `step` apply to each repetition.
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
                    playback = Playback(self._options.clock, self._recorded_wall_s(container, track))
                playthrough = _Pass(container, track, self._options.fps, start_s, str(self._path))
                for decoded, media_s in islice(playthrough.pictures(), *_selection(self._options)):
                    yield playthrough.frame(decoded, *playback.stamp(media_s))
            if playthrough.decoded == 0:
                raise SourceUnavailable(f"{self._path}: not a video, or a damaged one: no frame can be decoded")
            if start_s == 0.0:
                playthrough.log_doubts()
            playthrough.check_complete()
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
            if not total and track.average_rate:
                total = round(_stated_length_s(container, track) * float(track.average_rate))
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
        if problem := _UNUSABLE_FORMATS.get(container.format.name):
            container.close()
            raise SourceUnavailable(f"{name}: {problem}")
        try:
            return container, video_track(container, _OFFLINE_THREADS if self._options.clock is None else 1)
        except AV_ERRORS as error:
            container.close()
            raise SourceUnavailable(file_message(name, error)) from None

    def _recorded_wall_s(self, container: InputContainer, track: VideoStream) -> float:
        """Return the Unix time of the first frame."""
        created_s = _creation_time(container.metadata)
        return created_s if created_s is not None else self._path.stat().st_mtime - _stated_length_s(container, track)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A decoded picture, and what was known when it was decoded: later ones are decoded before it is used."""

    picture: VideoFrame
    shape: tuple[Orientation, float]
    pts: int | None
    dts: int | None
    duration: int


class _Pass:
    """One pass through a recording, with times that only increase."""

    def __init__(
        self, container: InputContainer, track: VideoStream, fps: float | None, start_s: float, name: str
    ) -> None:
        """fps: frames per second that replace the recording's own times; None keeps them. name: for messages."""
        self._decoder = Decoder(container, track)
        self._maker = FrameMaker(track)
        self._stated_end_s = _stated_end_s(container, track)
        self._has_timestamps = not container.format.flags & _NO_TIMESTAMPS
        self._fps = fps
        self._codec_fps = float(track.codec_context.framerate or 0)
        # FFmpeg invents timestamps for a raw stream, at 25 frames per second or worse.
        self._counted_fps = fps if self._has_timestamps else fps or self._codec_fps or DEFAULT_FPS
        self._timeline = Timeline(float(track.time_base or 0), 1 / float(track.average_rate or DEFAULT_FPS))
        self._start_s = start_s
        self._name = name
        self._error: SourceEnded | None = None
        self.decoded = 0
        """Number of frames so far."""
        self._timed = 0
        """Number of them that were not dropped."""

    @property
    def next_s(self) -> float:
        """Start time of the next pass."""
        return self._start_s + (self._timed / self._counted_fps if self._counted_fps else self._timeline.next_s)

    def pictures(self) -> Iterator[tuple[_Decoded, float]]:
        """Yield each picture and its time. Raises SourceUnavailable where none can be read."""
        for decoded, stated_s in self._timeline.times(self._decode()):
            media_s = self._timed / self._counted_fps if self._counted_fps else stated_s
            self._timed += 1
            yield decoded, self._start_s + media_s
        if self._error is None:
            self._error = self._missing_end()

    def _decode(self) -> Iterator[_Decoded]:
        """Yield each picture up to the end, or up to the error that is kept for `check_complete`."""
        packets = iter(self._decoder)
        while True:
            try:
                pictures = next(packets, None)
            except AV_ERRORS as error:
                if self.decoded == 0:
                    raise SourceUnavailable(file_message(self._name, error)) from None
                what = f"damaged or cut off after frame {self.decoded} ({reason(error)})"
                self._error = SourceEnded(f"{self._name}: {what}")
                return
            if pictures is None:
                return
            for picture in pictures:
                self.decoded += 1
                yield _Decoded(picture, self._maker.shape(picture), picture.pts, picture.dts, picture.duration)

    def frame(self, decoded: _Decoded, mono_s: float, wall_s: float) -> Frame:
        """Return the frame of a picture of this pass."""
        return self._maker.frame(decoded.picture, mono_s, wall_s, decoded.shape)

    def check_complete(self) -> None:
        """Raise SourceEnded if the recording was read up to its end and that is damaged or was cut off."""
        if self._error is not None:
            raise self._error

    def log_doubts(self) -> None:
        """Log what the user should know about the frames and times of this pass."""
        if self._decoder.damaged:
            _log.warning("%s: skipped %d damaged packets", self._name, self._decoder.damaged)
        if self._fps is not None:
            return
        if self._timeline.dropped:
            _log.warning(
                "%s: %d of %d frames have impossible timestamps and were skipped",
                self._name,
                self._timeline.dropped,
                self.decoded,
            )
        if not self._has_timestamps:
            _log.warning(
                "%s: a raw stream without timestamps: %g frames per second are assumed; set its real rate with --fps "
                "(fps in a camera's settings)",
                self._name,
                self._counted_fps,
            )
            return
        played_s = self._timeline.next_s
        if self._timed > 1 and self._timed > _MAX_CREDIBLE_FPS * played_s:
            likely = f", which may be {self._codec_fps:g}" if 0 < self._codec_fps <= _MAX_CREDIBLE_FPS else ""
            _log.warning(
                "%s: %.0f frames per second according to its timestamps, which no shop's camera records: set its real "
                "rate with --fps (fps in a camera's settings)%s",
                self._name,
                self._timed / played_s,
                likely,
            )

    def _missing_end(self) -> SourceEnded | None:
        """Return the error if the recording is shorter than its header states: it was cut off."""
        played_s = self._timeline.next_s
        # Some headers state the time of the end, others the length; the more lenient reading is used.
        stated_s = self._stated_end_s - self._timeline.first_stated_s
        # The header of a recording with wrong timestamps is wrong as well.
        if not self._timed or self._timeline.dropped or stated_s - played_s <= max(1.0, 0.1 * stated_s):
            return None
        return SourceEnded(f"{self._name}: cut off: {played_s:.1f} s of {stated_s:.1f} s can be read")


def _stated_end_s(container: InputContainer, track: VideoStream) -> float:
    """Return the length of the video in the header, or the time of its end where its first timestamp is not 0.

    0 if there is none, or if it may be the length of the audio.
    """
    if container.format.name == "avi" and track.frames and track.average_rate:
        # FFmpeg lowers the duration of an AVI file that is cut off to what is left of it, but not its number of frames.
        return track.frames / float(track.average_rate)
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0.0


def _stated_length_s(container: InputContainer, track: VideoStream) -> float:
    """Return the length of the video according to its header, 0 if there is none."""
    end_s, start_s = _stated_end_s(container, track), (container.start_time or 0) / 1e6
    # Matroska states the time of the end.
    return end_s - start_s if not track.duration and 0 < start_s < end_s else end_s


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
    # FFmpeg reads only the first page of a TIFF file.
    is_tiff = Path(path).suffix.lower() in TIFF_SUFFIXES
    return (ImagesSource if is_tiff else FileSource)(Path(path), options)
