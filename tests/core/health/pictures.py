"""Pictures for the health tests: a synthetic shop as a camera with sensor noise shows it, and ways to disturb them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic

GRID_WH = (320, 180)
Picture = NDArray[np.float32]
Change = Callable[[Picture, float], Picture]
"""What happens to the picture (360, 640) at a second of the disturbance."""


@cache
def _recording(walkers: int, layout: str) -> tuple[list[Picture], Iterator[Picture]]:
    """The pictures of a shop drawn so far, and an iterator over the following ones."""
    url = f"synthetic:{layout}?size=640x360&noise=0&fps=1&walkers={walkers}&duration=600"
    frames = open_synthetic(url, SourceOptions(clock=None)).frames()
    return [], (frame.luma.astype(np.float32) for frame in frames)


def shop(walkers: int, seconds: int, layout: str = "shop") -> list[Picture]:
    """One picture a second; each is drawn only once, because drawing takes most of a test's time."""
    pictures, following = _recording(walkers, layout)
    pictures.extend(islice(following, max(0, seconds - len(pictures))))
    return pictures[:seconds]


def empty_shop() -> Picture:
    return shop(0, 1)[0]


@cache
def _noise_pictures() -> list[Picture]:
    """Sensor noise of one grey level, prepared because generating it takes most of a test's time."""
    random = np.random.default_rng(1)
    return [random.standard_normal((360, 640), np.float32) for _ in range(16)]


@cache
def _noise_grids() -> list[Picture]:
    return [
        cv2.resize(picture, GRID_WH, interpolation=cv2.INTER_AREA).astype(np.float32) for picture in _noise_pictures()
    ]


def noise(std: float, second: float) -> Picture:
    """Additional noise, independent of what `as_grid` adds."""
    return std * _noise_pictures()[round(7 * second) % 16][::-1]


def as_grid(picture: Picture, number: int = 0, std: float = 2.0) -> U8:
    """The picture on the grid, with the sensor noise of frame `number`."""
    clean = cv2.resize(picture, GRID_WH, interpolation=cv2.INTER_AREA)
    return cv2.addWeighted(clean, 1.0, _noise_grids()[number % 16], std, 0.0, dtype=cv2.CV_8U).astype(np.uint8)


@cache
def background() -> U8:
    """The empty shop on the grid, without noise."""
    return as_grid(empty_shop(), std=0)


def people_in(grid: U8) -> U8:
    """A simple substitute for the foreground detector: cells that differ from the background."""
    return np.where(cv2.absdiff(grid, background()) > 25, 255, 0).astype(np.uint8)


def moved_by(x_ratio: float, y_ratio: float, turn_deg: float = 0.0) -> Change:
    """The picture shifts by shares of its width, and is rotated."""

    def change(picture: Picture, _: float) -> Picture:
        height, width = picture.shape
        affine = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        affine[:, 2] += (x_ratio * width, y_ratio * width)
        return cv2.warpAffine(picture, affine, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)

    return change


def defocused(radius_px: int) -> Change:
    def change(picture: Picture, _: float) -> Picture:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1)).astype(np.float32)
        return cv2.filter2D(picture, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT).astype(np.float32)

    return change


def spot(x: float, y: float, radius: float) -> Picture:
    """A patch of light, 0..1."""
    rows, columns = np.mgrid[0:360, 0:640].astype(np.float32)
    return np.exp(-((columns / 640 - x) ** 2 + (rows / 640 - y) ** 2) / (2 * radius**2)).astype(np.float32)


def bag(picture: Picture, second: float) -> Picture:
    """A crumpled bag right in front of the lens: folds, but all out of focus."""
    folds = np.random.default_rng(5).normal(0, 1, picture.shape).astype(np.float32)
    folds = cv2.GaussianBlur(folds, (0, 0), 16 + np.sin(second))
    return (95 + 30 * folds / folds.std()).astype(np.float32)


def screens_only(picture: Picture, _: float) -> Picture:
    """At night: only screens are visible, which are dark by day."""
    screens = (np.arange(640) % 160 < 40) & (np.arange(360)[:, None] % 150 < 50)
    return (picture * 0.02 + 200 * screens).astype(np.float32)


def pallet(picture: Picture, _: float) -> Picture:
    placed = picture.copy()
    placed[140:330, 240:460] = np.tile(np.repeat([70.0, 160.0], 10), 19)[:190, None]
    return placed


def refurnished(picture: Picture) -> Picture:
    """Shelves in the foreground and a poster on the wall."""
    furnished = pallet(picture, 0)
    furnished[200:330, 20:200] = np.repeat([60.0, 190.0, 120.0], 60)
    furnished[200:330, 500:620] = np.repeat([40.0, 170.0], 60)
    furnished[20:90, 300:420] = 230.0
    return furnished
