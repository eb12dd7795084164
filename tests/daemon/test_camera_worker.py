"""A camera's worker in this process: the messages that it answers to the commands of a pipe."""

from __future__ import annotations

import itertools
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import Frame
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.render.snapshot import UndrawnSnapshot
from edgeheat.daemon import camera_worker
from edgeheat.daemon.camera_worker import CameraWorker
from edgeheat.daemon.messages import (
    BackdropTaken,
    Heartbeat,
    Message,
    ProgressReport,
    ResetDone,
    SnapshotTaken,
    SourceFailed,
    StateSaved,
    WorkerSpec,
)
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Reset, SaveState, Stop
from edgeheat.defs.events import Snapshot
from edgeheat.defs.params import MotionParams, ZoneParams
from edgeheat.sources.av_frame import bgr_frame
from edgeheat.sources.base import StreamStatistics
from tests.core import drawn
from tests.core.drawn import bumped
from tests.daemon.conftest import spec
from tests.support.wait import DEADLINE_S, wait_for
from tests.test_one_engine import PlayedClock

SMALL_SHOP = "synthetic:shop?seed=1&size=160x90&fps=10"


@contextmanager
def running(spec: WorkerSpec, clock: Clock) -> Iterator[Connection]:
    """Run a worker in a thread, and give the parent's end of its pipe."""
    ours, theirs = Pipe()
    thread = threading.Thread(target=CameraWorker(theirs, spec, clock).run)
    if isinstance(clock, SourceClock):
        clock.reporter = thread
    thread.start()
    try:
        yield ours
    finally:
        ours.send(Stop())
        while thread.is_alive():
            if ours.poll(0.02):
                ours.recv()
        ours.close()
        theirs.close()


def receive(connection: Connection) -> Message:
    assert connection.poll(DEADLINE_S), "the worker sent nothing"
    message: Message = connection.recv()
    return message


def receive_next(connection: Connection, kind: type[Message]) -> Message:
    """Return the next message that is of this type, and drop those before it."""
    while not isinstance(message := receive(connection), kind):
        pass
    return message


def messages_until_last_report(worker: Connection) -> list[Message]:
    """Stop the worker, and return what it sends then, up to its last report; that it begins with a report."""
    worker.send(Stop())
    messages = [receive(worker)]
    assert isinstance(messages[0], ProgressReport), "nothing comes before what was counted"
    while not (isinstance(messages[-1], ProgressReport) and messages[-1].is_last):
        messages.append(receive(worker))
    return messages


class SourceClock(PlayedClock):
    """Runs for the source only: the worker's main thread reports when `reporter_s` is increased, and when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.reporter: threading.Thread | None = None
        self.reporter_s = 0.0

    def monotonic(self) -> float:
        return self.reporter_s if threading.current_thread() is self.reporter else super().monotonic()


def test_what_a_saved_state_holds_is_not_sent_again_after_it() -> None:
    clock = SourceClock()
    with running(spec("aisle", SMALL_SHOP), clock) as worker:
        wait_for(lambda: clock.monotonic() > 5.0, "five seconds to be played")
        worker.send(SaveState())
        saved = receive(worker)
        wait_for(lambda: clock.monotonic() > 20.0, "more seconds to be played")
        messages = messages_until_last_report(worker)
    increments: list[Increment] = []
    for message in messages:
        if isinstance(message, StateSaved):
            saved, increments = message, []
        elif isinstance(message, ProgressReport):
            increments += [Increment.unpack(packed) for packed in message.increments]
    assert isinstance(saved, StateSaved)
    restored = CameraPipeline(spec("aisle").params)
    restored.restore(saved.saved, increments, 0.0)
    grid = restored.heat("total", 1e9, 0.0)
    assert grid is not None
    assert grid.observed_s > 5.0
    reports = [each for each in messages if isinstance(each, ProgressReport)]
    assert grid.observed_s == pytest.approx(sum(each.progress.observed_s for each in reports), abs=0.01)


def test_a_stopping_worker_sends_what_it_counted_first_and_the_frames_of_its_bootstrap_in_slices() -> None:
    clock = SourceClock()
    still_learning = drawn.params(bootstrap_s=600.0)
    with running(spec("aisle", SMALL_SHOP, params=still_learning), clock) as worker:
        wait_for(lambda: clock.monotonic() > 30.0, "half a minute to be played")
        messages = messages_until_last_report(worker)
        assert isinstance(receive(worker), StateSaved)
    reports = [each for each in messages if isinstance(each, ProgressReport)]
    first, *slices = reports
    assert first.increments == () and first.uncounted_s > 25.0, "the frames wait for the background"
    observed_s = [each.progress.observed_s for each in slices]
    assert max(observed_s) < 1.0 and sum(observed_s) > 25.0
    left_s = [each.uncounted_s for each in reports]
    assert left_s[-1] == 0.0 and all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(left_s))


def test_heartbeats_continue_while_a_frame_is_evaluated_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluating, go_on = threading.Event(), threading.Event()
    step = CameraPipeline.step

    def slow_step(pipeline: CameraPipeline, frame: Frame) -> list[MotionMask]:
        evaluating.set()
        assert go_on.wait(DEADLINE_S)
        return step(pipeline, frame)

    monkeypatch.setattr(CameraPipeline, "step", slow_step)
    ours, theirs = Pipe()
    clock = SystemClock()
    worker = CameraWorker(theirs, spec("aisle", SMALL_SHOP), clock)
    worker.send_heartbeat()
    before = receive(ours)
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert evaluating.wait(DEADLINE_S)
    began_s = clock.monotonic()
    wait_for(lambda: clock.monotonic() > began_s + 1.5, "a report to be due, which has to wait for the frame")
    worker.send_heartbeat()
    during = receive(ours)
    go_on.set()
    ours.send(Stop())
    while thread.is_alive():
        if ours.poll(0.02):
            ours.recv()
    assert isinstance(before, Heartbeat) and before.waiting_s >= 0.0 and before.busy_s == 0.0
    assert isinstance(during, Heartbeat) and during.waiting_s == 0.0 and during.busy_s > 1.0
    ours.close()
    theirs.close()


def test_the_reported_figures_of_a_zone_are_those_in_its_increments() -> None:
    whole = ZoneParams("whole", "zone", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    params = replace(spec("aisle").params, zones=(whole,))
    with running(spec("aisle", f"{SMALL_SHOP}&duration=12", params=params), SourceClock()) as worker:
        report = receive(worker)
    assert isinstance(report, ProgressReport)
    progress = report.progress
    counters = np.sum([Increment.unpack(packed).zone_counters for packed in report.increments], axis=0)
    for row, zone in enumerate(("all", "whole")):
        assert progress.observed_s * 1000 == pytest.approx(counters[row, Counter.OBSERVED_MS])
        assert progress.motion_s[zone] * 1000 == pytest.approx(counters[row, Counter.MOTION_MS])
        assert progress.active_s[zone] * 1000 == pytest.approx(counters[row, Counter.ACTIVE_MS])
        assert progress.cell_seconds[zone] * 1000 == pytest.approx(counters[row, Counter.TRAFFIC_CELL_MS])
        assert progress.dwell_cell_s[zone] * 1000 == pytest.approx(counters[row, Counter.DWELL_CELL_MS])
        assert progress.entries[zone] == counters[row, Counter.ENTRIES] >= 1
        assert 0 < progress.active_s[zone] <= progress.observed_s


def test_a_reset_is_confirmed_after_the_state_that_it_left() -> None:
    reset = Reset(flicker=True, moved=False, heat=True)
    with running(spec("aisle", SMALL_SHOP), PlayedClock()) as worker:
        receive_next(worker, StateSaved)
        worker.send(reset)
        receive_next(worker, StateSaved)
        assert receive(worker) == ResetDone(reset)


def test_a_reset_is_confirmed_before_there_is_any_state() -> None:
    reset = Reset(flicker=True, moved=False, heat=True)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and sends nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video"
        with running(spec("aisle", url, timeout_s=DEADLINE_S), SystemClock()) as worker:
            worker.send(reset)
            kinds = (StateSaved, ResetDone)
            while not isinstance(message := receive(worker), kinds):
                pass
            assert message == ResetDone(reset)


class Recording:
    """A source that plays 25 s of the room, waits, and plays the rest, in which the camera was moved."""

    def __init__(self, clock: SourceClock) -> None:
        self._clock = clock
        self.first_part_reported = threading.Event()

    def frames(self) -> Iterator[Frame]:
        frames = bumped(60, 30.0)
        yield from frames[:125]
        self._clock.reporter_s = 1.0
        assert self.first_part_reported.wait(DEADLINE_S)
        yield from frames[125:]


def messages_about_a_move(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """Return what a worker sends about the second part of a Recording."""
    clock = SourceClock()
    source = Recording(clock)
    monkeypatch.setattr(camera_worker, "open_source", lambda *_: source)
    messages: list[Message] = []
    with running(replace(spec("aisle", SMALL_SHOP), params=drawn.params()), clock) as worker:
        assert [type(receive(worker)) for _ in range(2)] == [ProgressReport, StateSaved]
        source.first_part_reported.set()
        while not messages or not isinstance(messages[-1], SourceFailed):
            messages.append(receive(worker))
    return messages


def test_a_new_epoch_is_saved_before_the_last_picture_of_the_old_one_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    report, saved, ended, _ = messages_about_a_move(monkeypatch)
    assert isinstance(report, ProgressReport) and isinstance(saved, StateSaved) and saved.saved is not None
    assert isinstance(ended, SnapshotTaken) and ended.snapshot.epoch == 1
    restored = CameraPipeline(drawn.params())
    restored.restore(saved.saved, [], 0.0)
    assert restored.epoch == 2


def test_a_last_picture_that_cannot_be_drawn_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Snapshot:
        raise ValueError("picture too large")

    monkeypatch.setattr(UndrawnSnapshot, "draw", fail)
    assert [type(message) for message in messages_about_a_move(monkeypatch)] == [
        ProgressReport,
        StateSaved,
        SourceFailed,
    ]
    assert "cannot be drawn: picture too large" in caplog.text


class SlowCamera:
    """A source whose reader falls behind in its third and fourth second, and then keeps up for six minutes."""

    def __init__(self, clock: Clock, statistics: StreamStatistics) -> None:
        self._clock = clock
        self._statistics = statistics

    def frames(self) -> Iterator[Frame]:
        picture = np.full((90, 160), 100, np.uint8)
        for index in range(3600):
            self._clock.sleep(0.1)
            if index in (30, 40):
                self._statistics.overloads += 1
                self._statistics.frames_late += 25
                self._statistics.frames_damaged += 1
            self._statistics.lag_s = 0.25
            yield bgr_frame(picture, self._clock.monotonic(), self._clock.wall())


def test_a_worker_that_cannot_keep_up_analyses_less_and_reports_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SourceClock()
    monkeypatch.setattr(camera_worker, "open_source", lambda _url, options: SlowCamera(clock, options.statistics))
    params = replace(spec("aisle").params, motion=MotionParams(analysis_fps=10.0, bootstrap_s=1.0))
    with running(spec("aisle", SMALL_SHOP, params=params), clock) as worker:
        report = receive(worker)
    assert isinstance(report, ProgressReport)
    progress = report.progress
    assert (progress.frames_late, progress.frames_damaged, progress.lag_s) == (50, 2, 0.25)
    assert progress.frames_decoded == 3600
    # 10 a second for four seconds, 5 a second for five minutes, and 10 again.
    assert progress.frames_analysed == pytest.approx(40 + 1500 + 560, abs=10)
    assert progress.analysis_rate_ratio == 1.0
    slower, again = [message for message in caplog.messages if "frames per second" in message]
    assert "analysing 5 frames per second instead of 10" in slower
    assert "analysing 10 frames per second again" in again


def with_history() -> WorkerSpec:
    plain = spec("aisle", SMALL_SHOP)
    return replace(plain, params=replace(plain.params, history=True))


def test_each_closed_tile_is_sent_once_with_a_report_or_with_the_state_that_lacks_it() -> None:
    clock, end_s = SourceClock(), 100.0  # five minutes of Unix time end 100 s after PlayedClock begins
    with running(with_history(), clock) as worker:
        wait_for(lambda: clock.monotonic() > end_s + 5.0, "a tile to be closed")
        worker.send(SaveState())
        saved = receive_next(worker, StateSaved)
        assert isinstance(saved, StateSaved) and saved.saved is not None
        wait_for(lambda: clock.monotonic() > end_s + 310.0, "another one to be closed")
        messages = messages_until_last_report(worker)
    tiles = [
        tile for message in (saved, *messages) if isinstance(message, ProgressReport | StateSaved)
        for tile in message.tiles
    ]  # fmt: skip
    starts_s = [tile.start_s for tile in tiles]
    assert starts_s == [1_700_000_100 - 300 + 300 * number for number in range(len(tiles))] and len(tiles) >= 2
    assert len(saved.tiles) == 1
    assert b"numpy" not in pickle.dumps(tiles), "the parent would load it"
    restored = CameraPipeline(with_history().params)
    restored.restore(saved.saved, [], 0.0)
    assert restored.take_tiles() == ()


class SilentCamera:
    """A source that plays a minute of an empty room and then sends nothing more until it is released."""

    def __init__(self) -> None:
        self.is_silent = threading.Event()
        self.released = threading.Event()

    def frames(self) -> Iterator[Frame]:
        yield from bumped(60, 60.0)
        self.is_silent.set()
        assert self.released.wait(DEADLINE_S)


def test_the_last_tile_of_an_evening_is_sent_although_the_camera_sends_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, camera = SourceClock(), SilentCamera()
    monkeypatch.setattr(camera_worker, "open_source", lambda *_: camera)
    with running(replace(with_history(), params=replace(drawn.params(), history=True)), clock) as worker:
        assert camera.is_silent.wait(DEADLINE_S)
        clock.sleep(3600.0)
        clock.reporter_s = 1.0
        report = receive_next(worker, ProgressReport)
        camera.released.set()
    assert isinstance(report, ProgressReport)
    assert [(tile.start_s, tile.end_s) for tile in report.tiles] == [(1_699_999_800, 1_700_000_100)]
    assert report.tiles[0].observed_ms == pytest.approx(59_000, abs=2000)


def test_the_backdrop_is_sent_once_it_has_settled_and_then_once_a_day_with_private_areas_black(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, camera = SourceClock(), SilentCamera()
    monkeypatch.setattr(camera_worker, "open_source", lambda *_: camera)
    left_half = ZoneParams("private", "privacy", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
    params = replace(drawn.params(), history=True, zones=(left_half,))
    with running(replace(with_history(), params=params), clock) as worker:
        assert camera.is_silent.wait(DEADLINE_S)
        for _ in range(2):  # with the second report, the first one has begun the epoch
            clock.reporter_s += 1.0
            receive_next(worker, ProgressReport)
        clock.reporter_s += 1000.0
        first = receive_next(worker, BackdropTaken)
        clock.reporter_s += 86_400.0
        second = receive_next(worker, BackdropTaken)
        camera.released.set()
    assert isinstance(first, BackdropTaken) and isinstance(second, BackdropTaken)
    backdrop = first.backdrop
    assert (backdrop.camera, backdrop.epoch, backdrop.taken_s) == ("aisle", 1, pytest.approx(clock.wall(), abs=100))
    picture = cv2.imdecode(np.frombuffer(backdrop.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    half = picture.shape[1] // 2
    assert picture[:, : half - 8].max() < 10 < picture[:, half + 8 :].min()
    assert len(backdrop.jpeg) <= 100_000 and second.backdrop.jpeg == backdrop.jpeg
