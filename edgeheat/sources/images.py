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

_SAMPLE_DTYPES = frozenset({np.dtype(np.uint8), np.dtype(np.uint16)})
"""The samples that frames may have."""

_BLOCK_PAGES = 32
"""Most pages of a TIFF file that are read at once: each call of OpenCV passes through all pages before its first."""

_BLOCK_BYTES = 64 * 1024 * 1024
"""Most memory that these take."""

_MAX_PAGES_PER_IMAGE = 4
"""With more pages between the selected ones, decoding those takes longer than passing through the file again."""


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
            for index, picture in enumerate(_pictures(images)):
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


def _pictures(images: list[_Image]) -> Iterator[NDArray[Any] | None]:
    """Yield what `_read` returns for each image, but read pages of a TIFF file in blocks."""
    block: dict[_Image, NDArray[Any] | None] = {}
    max_pages = 1
    for index, image in enumerate(images):
        if image not in block:
            block = _read_block(images[index : index + max_pages], max_pages)
        picture = block.pop(image)
        if picture is not None:
            max_pages = min(max(_BLOCK_BYTES // picture.nbytes, 1), _BLOCK_PAGES)
        yield picture


def _read_block(images: list[_Image], max_pages: int) -> dict[_Image, NDArray[Any] | None]:
    """Return the first of these images, and those of the others that are among `max_pages` pages from it on."""
    path, first = images[0]
    if first is None:
        return {images[0]: _read(images[0])}
    pages = [page for file, page in images if file == path and page is not None and page < first + max_pages]
    count = pages[-1] - first + 1
    if count > _MAX_PAGES_PER_IMAGE * len(pages):
        pages, count = [first], 1
    try:
        _, pictures = cv2.imreadmulti(str(path), first, count, flags=_AS_STORED)
    except cv2.error:
        pictures = ()
    if len(pictures) == count and all(picture.dtype in _SAMPLE_DTYPES for picture in pictures):
        return {(path, page): np.asarray(pictures[page - first]) for page in pages}
    return {(path, page): _read((path, page)) for page in pages}  # only what is damaged is skipped


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
    if picture is None or picture.dtype not in _SAMPLE_DTYPES:
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
