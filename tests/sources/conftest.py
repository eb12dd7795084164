"""Recordings and cameras shared by the source tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.sources.mjpeg_camera import Camera, running_camera
from tests.support.media import make_audio, make_clip, make_optimised_mjpeg, moving_square
from tests.support.rtsp import RtspServer

QUIET_X265 = {"x265-params": "log-level=none"}


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one recording of each kind: 160x120, 15 fps, 30 frames."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "h264.mp4")
    make_clip(folder / "h265.mp4", codec="libx265", options=QUIET_X265)
    make_clip(folder / "mjpeg.mkv", codec="mjpeg", pix_fmt="yuvj420p")
    make_optimised_mjpeg(folder / "optimised.mkv")
    make_clip(folder / "moving.gif", codec="gif", pix_fmt="rgb8", fps=10)
    make_audio(folder / "sound.wav")
    (folder / "pictures").mkdir()
    for index in range(30):
        cv2.imwrite(str(folder / "pictures" / f"frame_{index}.png"), moving_square(index, (160, 120)))
    return folder


@pytest.fixture(scope="session")
def rtsp(media: Path) -> Iterator[RtspServer]:
    """A real RTSP server that is shared, so tests must not stop it."""
    mounts: dict[str, Path | str] = {
        "/h264": media / "h264.mp4",
        "/h265": media / "h265.mp4",
        "/mjpeg": media / "mjpeg.mkv",
        "/optimised": media / "optimised.mkv",
        "/both": media / "h264.mp4",
        "/sound": "audio",
    }
    with RtspServer(mounts, with_sound=("/both",)) as server:
        yield server


@pytest.fixture
def http_camera() -> Iterator[Camera]:
    """A real HTTP server that behaves like a camera."""
    with running_camera() as camera:
        yield camera
