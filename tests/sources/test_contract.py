"""The contract that every source must fulfil."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import Frame
from edgeheat.sources import open_source
from edgeheat.sources.base import Source
from edgeheat.sources.usb import UsbSource
from tests.sources.fakes import FakeCapture, FakeClock, live, offline
from tests.support.wait import wait_for

FRAMES = 12


def _media(name: str) -> Callable[[pytest.FixtureRequest], Source]:
    return lambda request: open_source(str(request.getfixturevalue("media") / name), offline())


def _paced(name: str) -> Callable[[pytest.FixtureRequest], Source]:
    return lambda request: open_source(str(request.getfixturevalue("media") / name), live(loop=True, clock=FakeClock()))


def _rtsp(mount: str, transport: str = "tcp") -> Callable[[pytest.FixtureRequest], Source]:
    return lambda request: open_source(request.getfixturevalue("rtsp").url(mount), live(rtsp_transport=transport))


def _http(request: pytest.FixtureRequest) -> Source:
    return open_source(request.getfixturevalue("http_camera").url("/good"), live())


def _usb(_request: pytest.FixtureRequest) -> Source:
    return UsbSource("/dev/video0", live(), lambda _device, _limit_s: FakeCapture(1000))


def _synthetic(_request: pytest.FixtureRequest) -> Source:
    return open_source("synthetic:?size=160x120&fps=15", live(clock=FakeClock()))


RTSP = pytest.mark.real("rtsp")
LIVE = [
    pytest.param(_rtsp("/h264"), id="rtsp-h264-tcp", marks=RTSP),
    pytest.param(_rtsp("/h264", "udp"), id="rtsp-h264-udp", marks=RTSP),
    pytest.param(_rtsp("/h265"), id="rtsp-h265-tcp", marks=RTSP),
    pytest.param(_rtsp("/mjpeg"), id="rtsp-mjpeg-tcp", marks=RTSP),
    pytest.param(_rtsp("/both"), id="rtsp-with-sound", marks=RTSP),
    pytest.param(_http, id="http-mjpeg"),
    pytest.param(_usb, id="usb"),
]
"""They read the real clocks one after the other, and a busy machine may pause between the two."""

REPRODUCIBLE = [
    pytest.param(_media("h264.mp4"), id="mp4"),
    pytest.param(_media("mjpeg.mkv"), id="mkv"),
    pytest.param(_media("moving.gif"), id="gif"),
    pytest.param(_paced("h264.mp4"), id="mp4-paced"),
    pytest.param(_media("pictures"), id="pictures"),
    pytest.param(_paced("pictures"), id="pictures-paced"),
    pytest.param(_synthetic, id="synthetic"),
]
"""Offline, or on a clock that only they advance."""

SOURCES = [*LIVE, *REPRODUCIBLE]
WITH_TOLERANCE_S = [
    pytest.param(*each.values, tolerance_s, id=each.id, marks=each.marks)
    for group, tolerance_s in ((LIVE, 0.3), (REPRODUCIBLE, 0.05))
    for each in group
]
"""Each source, and by how much its wall and monotonic clock may disagree."""


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Source:
    make: Callable[[pytest.FixtureRequest], Source] = request.param
    return make(request)


def _take(source: Source, count: int = FRAMES) -> list[Frame]:
    with closing(source.frames()) as frames:
        return list(islice(frames, count))


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(("source", "tolerance_s"), WITH_TOLERANCE_S, indirect=["source"])
def test_frames_come_in_order_with_size_luma_and_colour(source: Source, tolerance_s: float) -> None:
    times_s: list[tuple[float, float]] = []
    with closing(source.frames()) as frames:
        for frame in islice(frames, FRAMES):
            times_s.append((frame.mono_s, frame.wall_s))
            assert frame.size_wh == (160, 120)
            assert frame.luma.dtype in (np.uint8, np.uint16)
            assert frame.luma.shape == (120, 160)
            colour = frame.colour((80, 60))
            assert colour.shape == (60, 80, 3)
            assert colour.dtype == np.uint8
    assert len(times_s) == FRAMES
    assert times_s == sorted(times_s)
    assert times_s[-1][0] > times_s[0][0]
    assert times_s[-1][1] - times_s[0][1] == pytest.approx(times_s[-1][0] - times_s[0][0], abs=tolerance_s)


def test_colour_and_luma_show_the_same_picture(source: Source) -> None:
    with closing(source.frames()) as frames:
        frame = next(iter(frames))
        black, white = frame.levels
        luma = np.clip((frame.luma.astype(float) - black) / (white - black) * 255, 0, 255)
        colour = cv2.cvtColor(frame.colour(frame.size_wh), cv2.COLOR_BGR2GRAY)
    assert np.abs(luma - colour).mean() < 6


def test_a_closed_run_leaves_no_file_open_and_no_thread(source: Source) -> None:
    _take(source, 2)  # the first run of each kind loads libraries
    files, threads = _open_files(), threading.active_count()
    for _ in range(3):
        assert len(_take(source, 2)) == 2
    wait_for(lambda: _open_files() <= files, "the files of the runs are closed")
    wait_for(lambda: threading.active_count() <= threads, "the threads of the runs are gone")


def test_frames_stay_valid_after_their_run(source: Source) -> None:
    kept = _take(source, 3)
    before = [frame.luma.copy() for frame in kept]
    _take(source, 3)
    for frame, luma in zip(kept, before, strict=True):
        assert np.array_equal(frame.luma, luma)


@pytest.mark.parametrize("name", ["h264.mp4", "mjpeg.mkv", "moving.gif", "pictures"])
@pytest.mark.parametrize("chosen", [{}, {"start": 4}, {"count": 7}, {"step": 4}, {"start": 3, "count": 5, "step": 4}])
def test_recordings_know_their_number_of_frames(media: Path, name: str, chosen: dict[str, int]) -> None:
    source = open_source(str(media / name), offline(**chosen))
    assert source.frame_count() == len(list(source.frames()))


def test_endless_sources_have_no_frame_count(media: Path) -> None:
    for url in ("rtsp://127.0.0.1/x", "http://127.0.0.1/x", "/dev/video0"):
        assert open_source(url, live()).frame_count() is None
    for name in ("h264.mp4", "pictures"):
        assert open_source(str(media / name), live(loop=True)).frame_count() is None
