"""Rejected time is summed by reason and reported once."""

from __future__ import annotations

from edgeheat.core.foreground.rejections import RejectedTime, Rejections


def test_time_is_added_by_reason_and_taken_once() -> None:
    rejections = Rejections()
    rejections.add_frame("light", 0.2)
    rejections.add_frame("light", 0.3)
    rejections.add_frame("settling", 1.0)
    rejections.add_cells("shadow", 40.0)
    rejections.add_cells("shadow", 2.0)
    taken = rejections.take()
    assert taken == RejectedTime({"light": 0.5, "settling": 1.0}, {"shadow": 42.0})
    rejections.add_cells("ghost", 1.0)
    assert taken.cells_s == {"shadow": 42.0}, "a report does not change afterwards"
    assert rejections.take() == RejectedTime({}, {"ghost": 1.0})
    assert rejections.take() == RejectedTime()


def test_a_reason_without_cells_is_not_reported_but_a_frame_without_time_is() -> None:
    rejections = Rejections()
    rejections.add_cells("speck", 0.0)
    rejections.add_frame("light", 0.0)
    assert rejections.take() == RejectedTime({"light": 0.0}, {})
