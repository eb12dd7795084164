"""When a worker sends its backdrop: settled and complete, once for each epoch, then once a day."""

from __future__ import annotations

from edgeheat.daemon.backdrop_schedule import BackdropSchedule

DAY_S = 86_400.0


def test_a_backdrop_is_due_once_it_is_complete_after_a_quarter_of_an_hour_and_a_day_later() -> None:
    schedule = BackdropSchedule()
    assert not schedule.is_due(1, None, 0.0)
    assert not schedule.is_due(1, True, 899.0), "people who stood still from the start may be in it"
    assert not schedule.is_due(1, False, 900.0)
    assert schedule.is_due(1, True, 1000.0)
    assert not schedule.is_due(1, True, 1000.0 + DAY_S - 1.0)
    assert schedule.is_due(1, True, 1000.0 + DAY_S)
    assert not schedule.is_due(1, True, 1000.0 + DAY_S + 1.0)


def test_one_that_never_becomes_complete_is_due_after_an_hour() -> None:
    schedule = BackdropSchedule()
    assert not schedule.is_due(1, False, 0.0)
    assert not schedule.is_due(1, False, 3599.0)
    assert schedule.is_due(1, False, 3600.0)
    assert not schedule.is_due(1, True, 3700.0)


def test_each_epoch_has_one_of_its_own() -> None:
    schedule = BackdropSchedule()
    schedule.is_due(1, True, 0.0)
    assert schedule.is_due(1, True, 900.0)
    assert not schedule.is_due(2, True, 1000.0)
    assert schedule.is_due(2, True, 1900.0)


def test_a_camera_without_a_backdrop_sends_none_however_long_it_takes() -> None:
    schedule = BackdropSchedule()
    assert not schedule.is_due(1, None, 0.0)
    assert not schedule.is_due(1, None, 2 * DAY_S)
    assert schedule.is_due(1, False, 2 * DAY_S + 1.0)
