"""Times of recordings offline and in live playback."""

from __future__ import annotations

import pytest

from edgeheat.sources.playback import Playback
from tests.sources.fakes import FakeClock


def test_offline_both_times_are_the_recordings_own() -> None:
    assert Playback(None, 1_600_000_000.0).stamp(12.5) == (12.5, 1_600_000_012.5)


def test_live_each_frame_waits_until_it_is_due() -> None:
    clock = FakeClock()
    playback = Playback(clock, 0.0)
    assert [playback.stamp(media_s)[0] for media_s in (7.0, 7.5, 8.25)] == [1000.0, 1000.5, 1001.25]
    assert playback.stamp(8.25)[1] == clock.wall()


def test_a_short_delay_is_made_up() -> None:
    clock = FakeClock()
    playback = Playback(clock, 0.0)
    playback.stamp(0.0)
    clock.now_s += 0.8
    assert playback.stamp(0.5)[0] == 1000.8
    assert playback.stamp(1.0)[0] == 1001.0


def test_a_long_delay_is_not_made_up() -> None:
    clock = FakeClock()
    playback = Playback(clock, 0.0)
    playback.stamp(0.0)
    clock.now_s += 60
    assert playback.stamp(0.5)[0] == 1060.0
    assert playback.stamp(1.0)[0] == pytest.approx(1060.5)


def test_a_gap_in_the_recording_is_skipped() -> None:
    clock = FakeClock()
    playback = Playback(clock, 0.0)
    playback.stamp(0.0)
    assert playback.stamp(3600.0)[0] == 1000.0
    assert playback.stamp(3600.5)[0] == 1000.5
