"""USB cameras, with a simulated device."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.sources.usb import UsbSource, open_v4l2
from tests.sources.fakes import FakeCapture, FakeClock, live
from tests.support.wait import DEADLINE_S


def test_an_unplugged_camera_raises_source_ended_and_is_released() -> None:
    capture = FakeCapture(3)
    frames = UsbSource("/dev/video0", live(), lambda _device, _limit_s: capture).frames()
    assert [frame.levels for frame in (next(frames), next(frames), next(frames))] == [(0, 255)] * 3
    with pytest.raises(SourceEnded, match=f"/dev/video0: no picture for {DEADLINE_S:g} s, or unplugged"):
        next(frames)
    assert capture.released


def test_a_camera_without_pictures_mentions_the_bandwidth() -> None:
    capture = FakeCapture(0)
    with pytest.raises(SourceUnavailable, match="share its bandwidth"):
        next(UsbSource("/dev/video0", live(), lambda _device, _limit_s: capture).frames())
    assert capture.released


def test_closing_the_run_releases_the_device() -> None:
    capture = FakeCapture(10)
    with closing(UsbSource("/dev/video0", live(), lambda _device, _limit_s: capture).frames()) as frames:
        next(frames)
        assert not capture.released
    assert capture.released


def test_frames_are_stamped_by_the_given_clock_and_the_timeout_is_passed_on() -> None:
    clock, asked = FakeClock(), []

    def open_capture(device: str, limit_s: float) -> FakeCapture:
        asked.append((device, limit_s))
        return FakeCapture(2, (64, 48))

    frames = UsbSource("/dev/v4l/by-id/cam", live(clock=clock, read_timeout_s=7.0), open_capture).frames()
    first = next(frames)
    clock.now_s += 0.5
    second = next(frames)
    assert asked == [("/dev/v4l/by-id/cam", 7.0)]
    assert second.mono_s - first.mono_s == 0.5
    assert first.size_wh == (64, 48)
    assert first.colour((32, 24))[0, 0].tolist() == [10, 20, 200]


def test_a_missing_device_and_one_that_is_not_a_camera_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "10")
    with pytest.raises(SourceUnavailable, match="no such device"):
        open_v4l2(str(tmp_path / "video7"), 5.0)
    (tmp_path / "video8").touch()
    with pytest.raises(SourceUnavailable, match="not a camera, or in use by another program"):
        open_v4l2(str(tmp_path / "video8"), 4.2)
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "5"
