"""What a reader that falls behind discards: simulated readers and cameras, and the real RTSP and HTTP servers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from edgeheat.errors import SourceEnded
from edgeheat.sources import open_source
from edgeheat.sources.base import StreamStatistics
from edgeheat.sources.catch_up import TimedBacklog
from tests.sources.fakes import FakeClock, live
from tests.sources.mjpeg_camera import Camera
from tests.support.rtsp import RtspServer
from tests.support.wait import wait_for

FPS = 10


@dataclass
class Stamped:
    """A packet or picture, as far as a backlog reads it."""

    index: int
    clock_rate: float = 1.0
    """How fast the camera's clock runs."""

    time_base: Fraction = Fraction(1, 90000)
    dts: int | None = None

    @property
    def pts(self) -> int:
        return round(self.index / FPS * self.clock_rate * 90000)

    @property
    def is_keyframe(self) -> bool:
        return self.index % FPS == 0


@dataclass
class Played:
    """One run of a simulated reader."""

    statistics: StreamStatistics
    shown: list[tuple[int, float, float]]
    """Index of each decoded picture, when it arrived, and when it was read."""

    discarded: int = 0

    def observed_s(self, max_gap_s: float = 2.0) -> float:
        arrivals = [arrival_s for _, arrival_s, _ in self.shown]
        gaps = [later - earlier for earlier, later in pairwise(arrivals)]
        return sum(gap for gap in gaps if gap <= max_gap_s)


def play(
    work_s: float,
    *,
    packets: int = 600,
    clock_rate: float = 1.0,
    paused: tuple[float, float] = (0, 0),
    idle_s: float = 0.0,
) -> Played:
    """Read a camera that sends FPS pictures a second; decoding and counting one takes `work_s`, reading one 1 ms.

    The process is suspended during `paused`, from and to. Up to `idle_s` the work takes 10 ms only.
    """
    statistics = StreamStatistics()
    backlog = TimedBacklog(statistics)
    now_s, played = 0.0, Played(statistics, [])
    for index in range(packets):
        asked_s = now_s
        now_s = max(now_s, index / FPS) + 0.001
        if paused[0] <= now_s < paused[1]:
            now_s = paused[1]
        packet: Any = Stamped(index, clock_rate)
        if backlog.discards(packet, now_s, now_s - asked_s):
            played.discarded += 1
        else:
            played.shown.append((index, backlog.arrival_s(packet, now_s), now_s))
            now_s += work_s if now_s >= idle_s else 0.01
    return played


def test_a_reader_that_keeps_up_skips_nothing() -> None:
    played = play(0.05)
    assert len(played.shown) == 600
    assert (played.discarded, played.statistics.overloads) == (0, 0)
    assert played.observed_s() == pytest.approx(59.9, abs=0.1)


@pytest.mark.parametrize("work_s", [0.15, 0.2, 0.5, 1.0])
def test_a_slow_reader_observes_only_what_it_decoded(work_s: float) -> None:
    played = play(work_s)
    assert max(now_s - index / FPS for index, _, now_s in played.shown) < 3.5  # never far behind
    assert all(arrival_s == pytest.approx(index / FPS, abs=0.1) for index, arrival_s, _ in played.shown)
    assert played.observed_s() <= len(played.shown) / FPS
    assert len(played.shown) + played.discarded == 600
    assert played.statistics.overloads >= 3


def test_after_a_backlog_decoding_continues_at_a_key_frame() -> None:
    shown = [index for index, _, _ in play(0.2).shown]
    resumed = [later for earlier, later in pairwise(shown) if later != earlier + 1]
    assert resumed and all(index % FPS == 0 for index in resumed)


def test_a_suspended_process_continues_with_the_newest_and_is_not_taken_for_a_slow_one() -> None:
    played = play(0.01, paused=(10.0, 25.0))
    assert played.discarded in range(145, 165)
    assert played.statistics.overloads == 0
    assert played.observed_s() == pytest.approx(59.9 - 15, abs=1.5)
    first_after = next(index for index, _, now_s in played.shown if now_s > 25.0)
    assert first_after in range(250, 262)


@pytest.mark.parametrize("idle_s", [0.0, 9.0, 10.0, 11.0, 60.0, 3600.0])
def test_an_overload_counts_however_long_the_reader_kept_up_before(idle_s: float) -> None:
    played = play(0.12, packets=round((idle_s + 13.0) * FPS), idle_s=idle_s)  # it is too far behind after 12 s
    assert played.statistics.overloads == 1


def test_a_process_that_is_suspended_after_an_hour_is_not_taken_for_a_slow_one() -> None:
    assert play(0.01, packets=40_000, paused=(3700.0, 3720.0)).statistics.overloads == 0


@pytest.mark.parametrize("clock_rate", [0.96, 0.5, 0.0, 1.04, 2.0])
def test_a_camera_whose_clock_is_wrong_loses_little(clock_rate: float) -> None:
    played = play(0.05, packets=3000, clock_rate=clock_rate)  # five minutes
    assert played.discarded <= 4 * FPS
    assert played.observed_s() > 285
    assert all(now_s - arrival_s < 3.0 for _, arrival_s, now_s in played.shown)


def test_a_stream_without_timestamps_is_read_as_it_comes() -> None:
    backlog = TimedBacklog(StreamStatistics())
    packet = Stamped(0)
    packet.time_base = cast(Fraction, None)
    assert not any(backlog.discards(cast(Any, packet), 10.0 * second, 10.0) for second in range(10))
    assert backlog.arrival_s(cast(Any, packet), 7.0) == 7.0


@pytest.mark.real("rtsp")
def test_a_late_frame_carries_the_time_at_which_it_arrived(rtsp: RtspServer) -> None:
    clock, times_s = FakeClock(), []
    with closing(open_source(rtsp.url("/h264"), live(clock=clock)).frames()) as frames:
        next(frames)
        for elapsed_s in [1 / 15] * 10 + [1.0] + [0.0] * 10:
            clock.now_s += elapsed_s
            frame = next(frames)
            times_s.append(frame.mono_s)
            assert clock.wall() - frame.wall_s == pytest.approx(clock.monotonic() - frame.mono_s, abs=1e-3)
    assert [later - earlier for earlier, later in pairwise(times_s)] == pytest.approx([1 / 15] * 20, abs=0.01)


def wait_for_new_frames(url: str, count: int) -> None:
    """Read a stream beside the one that is tested, so that the time of these frames passes for both."""
    with closing(open_source(url, live()).frames()) as frames:
        assert len(list(islice(frames, count))) == count


@pytest.mark.real("rtsp")
def test_an_rtsp_reader_that_fell_behind_continues_with_the_newest_picture(media: Path) -> None:
    options = live()
    with (
        RtspServer({"/shop": media / "h264.mp4"}) as server,
        closing(open_source(server.url("/shop"), options).frames()) as frames,
    ):
        before = next(islice(frames, 5, None))
        wait_for_new_frames(server.url("/shop"), 75)  # five seconds
        for after in islice(frames, 60):
            if options.statistics.frames_late:
                break
            before = after  # it had been read before the pause
    assert after.mono_s - before.mono_s > 2.0  # more than max_gap: what was skipped is not observed
    assert options.statistics.frames_late > 15


@pytest.mark.real("rtsp")
def test_the_backlog_of_a_camera_that_died_is_not_played(media: Path) -> None:
    options = live()
    with RtspServer({"/shop": media / "h264.mp4"}) as server:
        frames = open_source(server.url("/shop"), options).frames()
        assert len(list(islice(frames, 5))) == 5
        wait_for_new_frames(server.url("/shop"), 75)
        server.kill()
        played = []
        with pytest.raises(SourceEnded):
            played.extend(frames)
    assert len(played) < 30  # from the last key frame on at most, of 75
    assert options.statistics.frames_late > 15


def test_of_waiting_http_pictures_the_newest_is_read(http_camera: Camera) -> None:
    options = live()
    with closing(open_source(http_camera.url("/paused"), options).frames()) as frames:
        assert next(frames).luma.mean() == pytest.approx(40, abs=5)
        http_camera.client_pauses.set()
        wait_for(http_camera.pictures_wait.is_set, "the camera to send four pictures")
        shown = [next(frames).luma.mean()]
        while shown[-1] < 195:
            shown.append(next(frames).luma.mean())
    assert len(shown) <= 2  # the last one but one, if the reader's buffer holds the end of it and the newest
    assert options.statistics.frames_late == 4 - len(shown)
