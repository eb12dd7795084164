"""Reads a folder of images as a recording, in the natural order of their names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceUnavailable
from edgeheat.sources.av_frame import bgr_frame
from edgeheat.sources.base import DEFAULT_FPS, Source, SourceOptions
from edgeheat.sources.playback import Playback

_log = logging.getLogger(__name__)

_IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""File name endings of images, in lower case."""


class ImagesSource:
    """One folder of images, played at `fps`; symbolic links are followed, subfolders are not read.

    Offline, `mono_s` starts at 0 and `wall_s` at the modification time of the first image. Unreadable images are
    skipped with a warning; the others keep their times.
    """

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        self._folder = folder
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        paths = self._selected()
        frame_s = 1 / (self._options.fps or DEFAULT_FPS)
        playback = Playback(self._options.clock, _modified_s(paths[0]))
        readable = 0
        for repetition in count() if self._options.loop else (0,):
            for index, path in enumerate(paths):
                picture = _read(path)
                if picture is None:
                    continue
                readable += 1
                yield bgr_frame(picture, *playback.stamp((repetition * len(paths) + index) * frame_s))
            if readable == 0:
                raise SourceUnavailable(f"{self._folder}: none of its {len(paths)} images can be read")

    def frame_count(self) -> int | None:
        """Return the number of selected images, readable or not."""
        if self._options.loop:
            return None
        try:
            return len(self._selected())
        except SourceUnavailable:
            return None

    def _selected(self) -> list[Path]:
        options = self._options
        try:
            images = [
                path for path in self._folder.iterdir() if path.suffix.lower() in _IMAGE_SUFFIXES and not path.is_dir()
            ]
        except OSError as error:
            raise SourceUnavailable(f"{self._folder}: the folder cannot be read ({error.strerror})") from None
        images.sort(key=natural_order)
        selected = images[options.start :: options.step][: options.count]
        if not selected:
            raise SourceUnavailable(f"{self._folder}: no images to read (the folder contains {len(images)})")
        return selected


def natural_order(path: Path) -> list[tuple[str, int]]:
    """Return a sort key by which `frame_2` comes before `frame_10`."""
    return [(text, int(digits or -1)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", path.name)]


def _read(path: Path) -> NDArray[Any] | None:
    """Return the image in BGR or grey, uint8 or uint16; None, with a warning, where it cannot be read."""
    try:
        # Only decoded by OpenCV: its own file reading prints to stderr what it could not open.
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR) if data.size else None
    except (OSError, cv2.error) as error:
        _log.warning("%s: skipped (%s)", path, getattr(error, "strerror", None) or "damaged")
        return None
    if picture is None or picture.dtype not in (np.uint8, np.uint16):
        _log.warning("%s: skipped (damaged, or not an image of 8 or 16 bits)", path)
        return None
    return picture


def _modified_s(path: Path) -> float:
    """Return the Unix time of the last modification, 0 where it is unknown."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def open_images(path: str, options: SourceOptions) -> Source:
    """Return the source of the folder of images at `path`."""
    return ImagesSource(Path(path), options)
