"""Draws the pictures of small recordings, and reads videos back, for the tests of rendering."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import SizeWH
from tests.core.drawn import room


def square_on_grey(index: int, size_wh: SizeWH) -> NDArray[np.uint8]:
    """A bright square that moves to the right between a quarter and half of the height, in front of shelves."""
    width, height = size_wh
    shelves = cv2.resize(room(noise=0).draw()[0], size_wh)
    picture = np.asarray(cv2.cvtColor(np.minimum(shelves, 130), cv2.COLOR_GRAY2BGR), np.uint8)
    left = index * 5 % width
    picture[height // 4 : height // 2, left : left + height // 4] = (40, 220, 250)
    return picture


def read_video(path: Path) -> tuple[list[float], list[NDArray[np.uint8]]]:
    """The times and pictures (BGR) of a video."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        pictures = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames]
        return [float(frame.time or 0) for frame in frames], pictures
