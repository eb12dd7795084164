"""The instants of a schedule: intervals and cron lines, over three years of clock changes in four time zones."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from hypothesis import example, given
from hypothesis import strategies as st

from edgeheat.schedule import ScheduleTrigger, SnapshotSchedule, parse_cron, stagger_s

ZONES = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "UTC"]
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)


def instants(schedule: SnapshotSchedule, start: datetime, end: datetime) -> list[datetime]:
    found = []
    at = schedule.after(start)
    while at < end:
        found.append(at)
        at = schedule.after(at)
    return found


def days(zone: ZoneInfo) -> list[date]:
    """The local days that lie wholly within the three years."""
    first = START.astimezone(zone).date() + timedelta(days=1)
    return [first + timedelta(days=n) for n in range((END.astimezone(zone).date() - first).days)]


@pytest.mark.parametrize("zone_name", ZONES)
@pytest.mark.parametrize("period_s", [1800, 3600])
def test_an_interval_comes_at_every_multiple_of_the_local_clock_in_three_years(zone_name: str, period_s: int) -> None:
    zone = ZoneInfo(zone_name)
    found = instants(SnapshotSchedule.every(period_s, zone), START, END)
    # The independent way: look at the local clock every half hour.
    span_s = int((END - START).total_seconds())
    seen = (START + timedelta(seconds=s) for s in range(1800, span_s, 1800))
    local = ((at, at.astimezone(zone)) for at in seen)
    assert found == [at for at, clock in local if (clock.hour * 3600 + clock.minute * 60) % period_s == 0]


@pytest.mark.parametrize("zone_name", ZONES)
@pytest.mark.parametrize("text", ["30 2 * * *", "15,45 1-3 * * *", "0 */2 * * *"])
def test_a_time_of_day_comes_exactly_once_each_day_in_three_years(zone_name: str, text: str) -> None:
    zone = ZoneInfo(zone_name)
    fields = parse_cron(text)
    slots = [time(hour, minute) for hour in fields.hours for minute in fields.minutes]
    found = instants(SnapshotSchedule.cron(text, zone), START, END)
    by_day = Counter(at.astimezone(zone).date() for at in found)
    for day in days(zone):
        # Slots that the jump in spring skips come together at the instant of the jump.
        wanted = {datetime.combine(day, slot, zone).astimezone(UTC) for slot in slots if exists(day, slot, zone)}
        if len(wanted) < len(slots):
            wanted.add(jump(day, zone))
        assert by_day[day] == len(wanted), day
        assert wanted <= set(found), day
    assert len(found) == len(set(found))


def exists(day: date, slot: time, zone: ZoneInfo) -> bool:
    local = datetime.combine(day, slot, zone)
    return local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)


def jump(day: date, zone: ZoneInfo) -> datetime:
    """The minute of the day from which the clock has another offset."""
    at = datetime.combine(day, time.min, zone).astimezone(UTC)
    offset = at.astimezone(zone).utcoffset()
    while at.astimezone(zone).utcoffset() == offset:
        at += timedelta(minutes=1)
    return at


@pytest.mark.parametrize("zone_name", ZONES)
def test_midnight_comes_once_on_days_of_23_24_and_25_hours(zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    found = [at.astimezone(zone) for at in instants(SnapshotSchedule.every(86400, zone), START, END)]
    assert {at.time() for at in found} == {time.min}
    assert [at.date() for at in found][: len(days(zone))] == days(zone)


SCHEDULES = [(None, "*/5 9-20 * * *"), (None, "30 2 * * *"), (None, "7 * * * 1-5"), (600, ""), (2700, ""), (7200, "")]


@given(
    st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC)),
    st.sampled_from(SCHEDULES),
    st.sampled_from(ZONES),
    st.integers(0, 5 * 86400),
)
@example(datetime(2026, 3, 29, 0, 59, 59, 500_000, UTC), (None, "30 2 * * *"), "Europe/Oslo", 0)  # just before the jump
def test_the_next_instant_is_the_same_from_anywhere_before_it(
    start: datetime, schedule: tuple[int | None, str], zone_name: str, ahead_s: int
) -> None:
    period_s, cron = schedule
    zone = ZoneInfo(zone_name)
    slots = SnapshotSchedule.every(period_s, zone) if period_s else SnapshotSchedule.cron(cron, zone)
    found = slots.after(start)
    assert found > start
    assert slots.after(start + min(timedelta(seconds=ahead_s), (found - start) * 0.999)) == found


def test_a_skipped_time_comes_at_the_jump_also_when_asked_a_moment_before_it() -> None:
    moment = datetime(2026, 3, 29, 0, 59, 59, 500_000, UTC)
    found = SnapshotSchedule.cron("30 2 * * *", ZoneInfo("Europe/Oslo")).after(moment)
    assert found == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_the_hour_that_autumn_repeats_has_pictures() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 02:00, an hour before the clock goes back to 02:00
    found = instants(SnapshotSchedule.every(600, oslo), start, start + timedelta(hours=2))
    assert {b - a for a, b in itertools.pairwise(found)} == {timedelta(minutes=10)}


def test_cron_is_read_as_unix_reads_it() -> None:
    utc = ZoneInfo("UTC")

    def first(text: str) -> str:
        return SnapshotSchedule.cron(text, utc).after(datetime(2026, 1, 1, tzinfo=UTC)).strftime("%a %Y-%m-%d %H:%M")

    assert first("0 9 * * 0") == first("0 9 * * 7") == first("0 9 * * sun") == "Sun 2026-01-04 09:00"
    assert first("0 9 * * mon-wed") == "Mon 2026-01-05 09:00"
    assert first("0 9 13 * fri") == "Fri 2026-01-02 09:00"  # day or weekday: either is enough
    assert first("0 9 10 * *") == "Sat 2026-01-10 09:00"
    assert first("10-40/15 */6 * feb *") == "Sun 2026-02-01 00:10"
    assert first("0 0 29 2 *") == "Tue 2028-02-29 00:00"
    assert parse_cron("5/20 * * * *").minutes == (5, 25, 45)


@pytest.mark.parametrize("text", ["60 * * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *", "1- * * * *"])
@pytest.mark.parametrize("suffix", ["", " "])
def test_an_invalid_cron_line_is_rejected(text: str, suffix: str) -> None:
    with pytest.raises(ValueError, match=r"has the (minute|day|month|weekday)"):
        parse_cron(text + suffix)


@pytest.mark.parametrize("text", ["", "* * * *", "* * * * * *", "@hourly"])
def test_a_cron_line_has_five_fields(text: str) -> None:
    with pytest.raises(ValueError, match="fields; write minute, hour, day, month and weekday"):
        parse_cron(text)


@pytest.mark.parametrize("text", ["1,,2 * * * *", "*/x * * * *", "1/ * * * *", "٣ * * * *", "-5 * * * *"])
def test_incomplete_fields_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="has the minute"):
        parse_cron(text)


def test_a_period_must_divide_a_day() -> None:
    with pytest.raises(ValueError, match="does not divide a day"):
        SnapshotSchedule.every(420, ZoneInfo("UTC"))


def trigger(stagger_s: float = 0.0) -> ScheduleTrigger:
    return ScheduleTrigger(SnapshotSchedule.every(600, ZoneInfo("Europe/Oslo")), stagger_s)


NOON = datetime(2026, 6, 1, 12, 3, tzinfo=UTC)


def test_a_clock_stepped_forward_by_years_gives_one_instant_at_once() -> None:
    long_ago = datetime(1970, 1, 1, 0, 10, tzinfo=UTC)
    assert trigger().get_next_fire_time(long_ago, NOON) == datetime(2026, 6, 1, 12, 10, tzinfo=UTC)


def test_a_clock_stepped_back_does_not_wait_for_the_old_time_to_come_again() -> None:
    later = datetime(2026, 6, 1, 18, 0, tzinfo=UTC)
    assert trigger().get_next_fire_time(later, NOON) == datetime(2026, 6, 1, 12, 10, tzinfo=UTC)


def test_a_staggered_camera_keeps_its_delay() -> None:
    staggered = trigger(2.5)
    first = staggered.get_next_fire_time(None, datetime(2026, 6, 1, 12, 0, 1, tzinfo=UTC))
    assert first == datetime(2026, 6, 1, 12, 0, 2, 500_000, tzinfo=UTC)
    assert staggered.get_next_fire_time(first, first) == datetime(2026, 6, 1, 12, 10, 2, 500_000, tzinfo=UTC)


def test_a_now_in_local_time_gives_the_same_instant_in_the_repeated_hour() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    for fold in (0, 1):
        now = datetime(2026, 10, 25, 2, 55, tzinfo=oslo, fold=fold)
        assert trigger().get_next_fire_time(now, now) - now.astimezone(UTC) == timedelta(minutes=5)


def test_apscheduler_takes_the_trigger() -> None:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start(paused=True)
    try:
        job = scheduler.add_job(print, trigger(1.0))
        assert (job.next_run_time - timedelta(seconds=1)).timestamp() % 600 == 0
    finally:
        scheduler.shutdown(wait=False)


@pytest.mark.parametrize("count", [1, 3, 8, 100])
def test_each_camera_has_its_own_delay_within_the_shortest_interval(count: int) -> None:
    turns = [stagger_s(index, count) for index in range(count)]
    assert len(set(turns)) == count
    assert turns[0] == 0
    assert max(turns) < 5
