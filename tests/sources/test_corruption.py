"""The corruption filter: which pictures pass after data was lost."""

from __future__ import annotations

import pytest

from edgeheat.sources.corruption import CorruptionFilter


def passed(pictures: list[tuple[str, bool]], step_s: float = 0.1) -> str:
    """The kinds of the accepted pictures; each is given as its kind, `I` or `P`, and whether it is marked corrupt."""
    corruption = CorruptionFilter("door")
    return "".join(
        kind if corruption.accepts(corrupt=corrupt, key_frame=kind == "I", now_s=number * step_s) else "."
        for number, (kind, corrupt) in enumerate(pictures)
    )


def test_after_a_corrupt_picture_none_passes_until_an_intact_key_frame() -> None:
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
    assert passed(stream) == "IP....IP"


def test_without_intact_key_frames_all_pictures_pass_after_four_seconds() -> None:
    assert passed([("P", True)] * 60, step_s=0.1) == "." * 41 + "P" * 19
    assert passed([("P", True), *[("P", False)] * 59], step_s=0.1) == "." * 41 + "P" * 19


def test_lasting_corruption_is_logged_at_its_start_and_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    corruption = CorruptionFilter("rtsp://***@10.0.0.2/1")
    logged_s = []
    for second in range(2 * 3600):
        before = len(caplog.messages)
        corruption.accepts(corrupt=True, key_frame=False, now_s=float(second))
        logged_s += [second] * (len(caplog.messages) - before)
    assert logged_s == [5, 3605]
    assert caplog.messages[0].startswith("rtsp://***@10.0.0.2/1: data was lost and no intact key frame")
    assert 'rtsp_transport = "tcp"' in caplog.messages[0]


def test_a_loss_that_a_key_frame_repairs_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    passed([("P", True), *[("P", False)] * 30, ("I", False)] * 50)
    assert caplog.messages == []
