"""Every queued sink in its own thread: one that hangs or fails affects no other."""

from __future__ import annotations

import logging
import threading

import pytest

from edgeheat.daemon.hub import Hub
from edgeheat.defs.events import CameraStatus, Event, Progress
from edgeheat.errors import SinkUnavailable
from tests.support.wait import DEADLINE_S, wait_for


def status(number: int) -> CameraStatus:
    return CameraStatus("aisle", "offline", str(number), "ended", 0.0)


class ListSink:
    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[Event] = []
        self.closed = False

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed = True


class StuckSink(ListSink):
    def __init__(self) -> None:
        super().__init__("stuck")
        self.released = threading.Event()

    def handle(self, event: Event) -> None:
        self.released.wait(DEADLINE_S)
        super().handle(event)


class FailingSink(ListSink):
    def __init__(self) -> None:
        super().__init__("failing")
        self.error: Exception | None = SinkUnavailable("the disk is full")

    def handle(self, event: Event) -> None:
        super().handle(event)
        if self.error is not None:
            raise self.error


def nothing(*_: object) -> None:
    pass


def test_a_hanging_sink_delays_no_other_and_drops_its_oldest_events() -> None:
    stuck, free = StuckSink(), ListSink("free")
    dropped: dict[str, int] = {}
    hub = Hub([], [stuck, free], lambda name, count: dropped.update({name: dropped.get(name, 0) + count}), nothing)
    events = [status(number) for number in range(100)]
    for event in events:
        hub.publish(event)
        wait_for(lambda event=event: free.events[-1:] == [event], "the free sink to take it")  # type: ignore[misc]
    stuck.released.set()
    hub.close(DEADLINE_S)
    assert free.events == events
    assert stuck.events[-1] is events[-1]
    assert dropped.keys() == {"stuck"}
    assert dropped["stuck"] == 100 - len(stuck.events) > 0
    assert stuck.closed and free.closed


def test_progress_goes_to_direct_sinks_only() -> None:
    direct, queued = ListSink("metrics"), ListSink("disk")
    hub = Hub([direct], [queued], nothing, nothing)
    progress = Progress("aisle", 0.0, 0.0, 1, 1, 0, 0.2)
    hub.publish(progress)
    hub.publish(status(1))
    hub.close(DEADLINE_S)
    assert direct.events == [progress, status(1)]
    assert queued.events == [status(1)]


def test_a_problem_is_reported_once_when_it_begins_and_once_when_it_ends() -> None:
    sink = FailingSink()
    reported: list[tuple[str, str | None]] = []
    hub = Hub([], [sink], nothing, lambda name, problem: reported.append((name, problem)))
    for number in range(3):
        hub.publish(status(number))
    wait_for(lambda: len(sink.events) == 3, "three events")
    sink.error = ValueError("rtsp://user:secret@10.0.0.7/ is odd")
    hub.publish(status(3))
    wait_for(lambda: len(sink.events) == 4, "a fourth event")
    sink.error = None
    hub.publish(status(4))
    hub.close(DEADLINE_S)
    assert reported == [("failing", "the disk is full"), ("failing", None)]


def test_an_unexpected_error_in_a_sink_neither_ends_it_nor_shows_a_password() -> None:
    sink = FailingSink()
    sink.error = ValueError("rtsp://user:secret@10.0.0.7/ is odd")
    reported: list[tuple[str, str | None]] = []
    hub = Hub([], [sink], nothing, lambda name, problem: reported.append((name, problem)))
    hub.publish(status(0))
    hub.publish(status(1))
    hub.close(DEADLINE_S)
    assert len(sink.events) == 2
    assert reported == [("failing", "unexpected ValueError: rtsp://***@10.0.0.7/ is odd")]


def test_an_error_in_a_direct_sink_ends_nothing_and_is_logged_once_until_it_works_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    direct, queued = FailingSink(), ListSink("disk")
    direct.error = ValueError("no such zone")
    hub = Hub([direct], [queued], nothing, nothing)
    with caplog.at_level(logging.ERROR):
        for error in (direct.error, direct.error, None, direct.error):
            direct.error = error
            hub.publish(status(0))
    hub.close(DEADLINE_S)
    assert len(queued.events) == 4
    assert [record.message for record in caplog.records] == ["failing: unexpected error"] * 2
