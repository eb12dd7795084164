"""Pictures that a decoder made up after a loss are not shown to anybody."""

from __future__ import annotations

import pytest

from edgeheat.sources.av_stream import Mending


def shown(pictures: list[tuple[str, bool]], step_s: float = 0.1) -> str:
    """The kinds that were let through; a picture is its kind, `I` or `P`, and whether it is marked corrupt."""
    mending = Mending("door")
    return "".join(
        kind if mending.clean(corrupt=corrupt, key_frame=kind == "I", now_s=number * step_s) else "."
        for number, (kind, corrupt) in enumerate(pictures)
    )


def test_from_a_torn_picture_on_nothing_is_shown_until_the_next_clean_key_frame() -> None:
    stream = [
        ("I", False),
        ("P", False),
        ("P", True),
        ("P", False),
        ("I", True),
        ("P", False),
        ("I", False),
        ("P", False),
    ]
    assert shown(stream) == "IP....IP"


def test_a_camera_without_clean_key_frames_is_taken_as_it_is_after_four_seconds() -> None:
    assert shown([("P", True)] * 60, step_s=0.1) == "." * 41 + "P" * 19
    assert shown([("P", True), *[("P", False)] * 59], step_s=0.1) == "." * 41 + "P" * 19


def test_a_stream_that_stays_torn_is_told_when_it_begins_and_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    mending = Mending("rtsp://***@10.0.0.2/1")
    told_s = []
    for second in range(2 * 3600):
        before = len(caplog.messages)
        mending.clean(corrupt=True, key_frame=False, now_s=float(second))
        told_s += [second] * (len(caplog.messages) - before)
    assert told_s == [5, 3605]
    assert caplog.messages[0].startswith("rtsp://***@10.0.0.2/1: data is lost and no whole key frame")
    assert 'rtsp_transport = "tcp"' in caplog.messages[0]


def test_a_loss_that_a_key_frame_mends_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    shown([("P", True), *[("P", False)] * 30, ("I", False)] * 50)
    assert caplog.messages == []
