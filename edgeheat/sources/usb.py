"""Reads USB cameras through V4L2 with OpenCV, which has a read timeout for them; FFmpeg has none."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
from numpy.typing import NDArray

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.sources.av_frame import bgr_frame
from edgeheat.sources.base import Source, SourceOptions, live_clock


class Capture(Protocol):
    """The methods of `cv2.VideoCapture` that are used here."""

    def read(self) -> tuple[bool, NDArray[Any] | None]:
        """Wait for the next picture, BGR or grey; False if none arrived in time or the camera was unplugged."""
        ...

    def release(self) -> None:
        """Close the device."""
        ...


class UsbSource:
    """One USB camera; tests, which have no such device, replace `open_capture`."""

    def __init__(
        self, device: str, options: SourceOptions, open_capture: Callable[[str, float], Capture] | None = None
    ) -> None:
        self._device = device
        self._options = options
        self._open_capture = open_capture or open_v4l2

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`."""
        device, limit_s = self._device, self._options.read_timeout_s
        clock = live_clock(device, self._options)
        capture = self._open_capture(device, limit_s)
        running = False
        try:
            while True:
                good, picture = capture.read()
                if not good or picture is None:
                    break
                running = True
                yield bgr_frame(picture, clock.monotonic(), clock.wall())
        finally:
            capture.release()
        if running:
            raise SourceEnded(f"{device}: no picture for {limit_s:g} s, or unplugged: check its cable")
        raise SourceUnavailable(
            f"{device}: opened, but no picture arrived within {limit_s:g} s. "
            "Cameras on one USB hub share its bandwidth: try another port"
        )

    def frame_count(self) -> int | None:
        """Return None: a camera has no end."""
        return None


def open_v4l2(device: str, read_timeout_s: float) -> Capture:
    """Open a V4L2 device; raises SourceUnavailable."""
    if not Path(device).exists():
        raise SourceUnavailable(f"{device}: no such device: check that the camera is plugged in")
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceUnavailable(f"{device}: no permission to read it: add the user to the group `video`")
    # OpenCV reads this once, at the first capture of the process; a worker process has only one camera.
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, math.ceil(read_timeout_s)))
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SourceUnavailable(f"{device}: not a camera, or in use by another program: close that program")
    return capture


def open_usb(url: str, options: SourceOptions) -> Source:
    """Return the source of `/dev/videoN`, `/dev/v4l/by-id/…` or `usb:N`."""
    return UsbSource(re.sub(r"^usb:(?=\d+$)", "/dev/video", url), options)
