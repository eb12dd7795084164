"""Reads a folder of images, or a TIFF file with a picture on each page, as a recording."""

from __future__ import annotations

import contextlib
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
from edgeheat.sources import tiff
from edgeheat.sources.av_frame import bgr_frame
from edgeheat.sources.base import DEFAULT_FPS, Source, SourceOptions
from edgeheat.sources.playback import Playback

_log = logging.getLogger(__name__)

_IMAGE_SUFFIXES = tiff.TIFF_SUFFIXES | {".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".webp"}
"""File name endings of images, in lower case."""

_Image = tuple[Path, int | None]
"""A file and the page in it, None for its only picture."""

_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
"""Keeps 16 bits and grey, and turns the picture upright."""


class ImagesSource:
    """The images of one folder in the natural order of their names, or those of one TIFF file, played at `fps`.

    Symbolic links are followed, subfolders are not read. Each page of a TIFF file is an image. Offline, `mono_s` starts
    at 0 and `wall_s` at the modification time of the first file. Unreadable images and animations are skipped with a
    warning; the others keep their times.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path = path
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        images = self._selected(warn=True)
        frame_s = 1 / (self._options.fps or DEFAULT_FPS)
        playback = Playback(self._options.clock, _modified_s(images[0][0]))
        readable = 0
        for repetition in count() if self._options.loop else (0,):
            for index, image in enumerate(images):
                picture = _read(image)
                if picture is None:
                    continue
                readable += 1
                yield bgr_frame(picture, *playback.stamp((repetition * len(images) + index) * frame_s))
            if readable == 0:
                raise SourceUnavailable(f"{self._path}: none of its {len(images)} images can be read")

    def frame_count(self) -> int | None:
        """Return the number of selected images, readable or not."""
        if self._options.loop:
            return None
        try:
            return len(self._selected(warn=False))
        except SourceUnavailable:
            return None

    def _selected(self, *, warn: bool) -> list[_Image]:
        options = self._options
        if not self._path.exists():
            raise SourceUnavailable(f"{self._path}: no such file")
        try:
            paths = [self._path] if not self._path.is_dir() else list(self._path.iterdir())
            files = [path for path in paths if path.suffix.lower() in _IMAGE_SUFFIXES and not path.is_dir()]
            files.sort(key=natural_order)
            images = [image for file in files for image in _images(file, warn=warn)]
        except OSError as error:
            raise SourceUnavailable(f"{self._path}: cannot be read ({error.strerror})") from None
        selected = images[options.start :: options.step][: options.count]
        if not selected:
            raise SourceUnavailable(f"{self._path}: no images to read (it contains {len(images)})")
        return selected


def _images(file: Path, *, warn: bool) -> list[_Image]:
    """Return the images of one file, readable or not."""
    pages, complete = 0, True
    if file.suffix.lower() in tiff.TIFF_SUFFIXES:
        with contextlib.suppress(OSError):
            pages, complete = tiff.page_count(file)
    if warn and not complete:
        _log.warning("%s: cut off after %d pages", file, pages)
    return [(file, page) for page in range(pages)] if pages > 1 else [(file, None)]


def natural_order(path: Path) -> list[tuple[str, int]]:
    """Return a sort key by which `frame_2` comes before `frame_10`."""
    return [(text, int(digits or -1)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", path.name)]


def _read(image: _Image) -> NDArray[Any] | None:
    """Return the image in BGR or grey, uint8 or uint16; None, with a warning, where it cannot be read."""
    path, page = image
    name = str(path) if page is None else f"{path}, page {page + 1}"
    picture: Any = None
    try:
        if page is not None:
            _, pages = cv2.imreadmulti(str(path), page, 1, flags=_AS_STORED)
            picture = pages[0] if pages else None
        else:
            # Only decoded by OpenCV: its own file reading prints to stderr what it could not open.
            data = path.read_bytes()
            if _is_animation(data):
                _log.warning("%s: skipped (an animation; convert it to a video)", name)
                return None
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), _AS_STORED) if data else None
    except (OSError, cv2.error) as error:
        _log.warning("%s: skipped (%s)", name, getattr(error, "strerror", None) or "damaged")
        return None
    if picture is None or picture.dtype not in (np.uint8, np.uint16):
        _log.warning("%s: skipped (damaged, or not an image of 8 or 16 bits)", name)
        return None
    return np.asarray(picture)


def _is_animation(data: bytes) -> bool:
    """Return whether a WebP or PNG file has several pictures, of which OpenCV would give the first.

    Reference: the WebP container specification (flags of VP8X); PNG, third edition (acTL).
    """
    if data[:4] == b"RIFF":
        return data[8:16] == b"WEBPVP8X" and bool(data[20:21]) and bool(data[20] & 2)
    return data[:4] == b"\x89PNG" and b"acTL" in data[: data.find(b"IDAT")]


def _modified_s(path: Path) -> float:
    """Return the Unix time of the last modification, 0 where it is unknown."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def open_images(path: str, options: SourceOptions) -> Source:
    """Return the source of the folder of images at `path`."""
    return ImagesSource(Path(path), options)
