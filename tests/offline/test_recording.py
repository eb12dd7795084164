"""Reading recordings: complete, cut off, unreadable; and the rejection of live cameras."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.offline.recording import read_frames, recording_target


class CutSource:
    """A source with `count` frames of `expected`, then the given error."""

    def __init__(self, count: int, expected: int | None, error: Exception | None = None) -> None:
        self._count, self._expected, self._error = count, expected, error

    def frames(self) -> Iterator[Frame]:
        for number in range(self._count):
            luma = np.zeros((4, 6), np.uint8)
            yield Frame(luma, float(number), float(number), lambda size_wh: np.zeros((*size_wh[::-1], 3), np.uint8))
        if self._error is not None:
            raise self._error

    def frame_count(self) -> int | None:
        return self._expected


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        pytest.param(CutSource(20, 20), None, id="complete"),
        pytest.param(CutSource(20, 40), None, id="the expected count is wrong"),
        pytest.param(CutSource(20, None), None, id="no expected count"),
        pytest.param(
            CutSource(20, 40, SourceEnded("clip.mp4: damaged")),
            "clip.mp4: damaged; the 20 frames before that are used",
            id="damaged",
        ),
    ],
)
def test_all_frames_are_read_and_a_cut_is_logged(
    source: CutSource, warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "edgeheat.offline"):
        assert [frame.mono_s for frame in read_frames(source)] == [float(n) for n in range(20)]
    assert caplog.messages == ([] if warning is None else [warning])


def test_an_error_before_the_first_frame_is_raised() -> None:
    with pytest.raises(SourceUnavailable, match="no such file"):
        list(read_frames(CutSource(0, None, SourceUnavailable("clip.mp4: no such file"))))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("clip.mp4", "clip.mp4"),
        ("file:///media/my%20clip.mp4", "/media/my clip.mp4"),
        ("synthetic:shop", "synthetic:shop"),
    ],
)
def test_recordings_are_resolved(source: str, target: str) -> None:
    assert recording_target(source, "render") == target


@pytest.mark.parametrize("source", ["rtsp://bob:secret@cam/1", "https://bob:secret@cam/1", "/dev/video0", "usb:0"])
def test_a_live_camera_is_rejected_with_the_commands_that_work(source: str) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        recording_target(source, "tune")
    assert "ffmpeg " in str(caught.value) and str(caught.value).endswith("edgeheat tune clip.mp4")
    assert "secret" not in str(caught.value)
