"""A managed child process: real processes that answer, crash, hang and are replaced."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edgeheat.daemon.managed_process import ManagedProcess, Received
from edgeheat.daemon.messages import SourceFailed
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.commands import Stop
from tests.daemon.conftest import LIMITS
from tests.support.wait import DEADLINE_S
from tests.test_one_engine import PlayedClock


def answer_once(connection: Connection, text: str) -> None:
    connection.recv()
    connection.send(SourceFailed("ended", text))


def crash(connection: Connection, signum: int) -> None:
    os.kill(os.getpid(), signum)


def hang(connection: Connection, _: None) -> None:
    connection.send(SourceFailed("ended", "about to hang"))
    signal.pause()


Make = Callable[[Callable[[Connection, Any], None]], tuple[ManagedProcess[Any], "queue.SimpleQueue[Received]"]]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make managed processes that are ended after the test; returns each with the queue of its messages."""
    made: list[ManagedProcess[Any]] = []

    def make_one(
        main: Callable[[Connection, Any], None],
    ) -> tuple[ManagedProcess[Any], queue.SimpleQueue[Received]]:
        inbox: queue.SimpleQueue[Received] = queue.SimpleQueue()
        clock = SystemClock()
        made.append(ManagedProcess("test", main, limits=LIMITS, clock=clock, random=Random(1), on_received=inbox.put))
        return made[-1], inbox

    yield make_one
    for process in made:
        process.end()


def test_commands_go_in_messages_come_out_and_the_end_comes_last(make: Make) -> None:
    process, inbox = make(answer_once)
    process.start("done", 60.0)
    process.send(Stop())
    assert inbox.get(timeout=DEADLINE_S).message == SourceFailed("ended", "done")
    last = inbox.get(timeout=DEADLINE_S)
    assert last.message is None and last.is_current
    assert process.end() == "exit code 0"
    assert not process.is_running
    assert not last.is_current


def test_the_end_of_a_crashed_process_names_its_signal(make: Make) -> None:
    process, inbox = make(crash)
    process.start(signal.SIGSEGV, 60.0)
    assert inbox.get(timeout=DEADLINE_S).message is None
    assert process.end() == "signal SIGSEGV"


def test_a_failed_process_is_killed_and_its_late_messages_are_stale(make: Make) -> None:
    process, inbox = make(hang)
    process.start(None, 60.0)
    first = inbox.get(timeout=DEADLINE_S)
    assert first.is_current
    pid = process.pid
    process.fail()
    assert not Path(f"/proc/{pid}").exists()
    assert not first.is_current
    process.start(None, 60.0)
    assert not first.is_current
    assert process.pid != pid


def test_a_sign_of_life_moves_the_deadline_and_an_older_one_does_not(make: Make) -> None:
    process, _ = make(hang)
    process.start(None, 60.0)
    started_s = process.deadline_s - 60.0
    process.note_alive(started_s + 10.0)
    process.note_alive(started_s + 5.0)
    assert process.deadline_s == pytest.approx(started_s + 70.0)
    process.note_alive(started_s + 8.0, timeout_s=3.0)
    assert process.deadline_s == pytest.approx(started_s + 13.0)


def test_each_failure_in_a_row_doubles_the_delay_until_a_success() -> None:
    clock = PlayedClock()
    process = ManagedProcess("test", hang, limits=LIMITS, clock=clock, random=Random(1), on_received=print)
    for step_s in (0.2, 0.4, 0.8):
        process.fail()
        assert 0.8 * step_s <= process.start_at_s <= 1.2 * step_s
    process.succeed()
    process.fail()
    assert process.start_at_s <= 1.2 * 0.2


def test_a_failure_after_a_long_run_is_followed_by_the_shortest_delay() -> None:
    process = ManagedProcess("test", hang, limits=LIMITS, clock=PlayedClock(), random=Random(1), on_received=print)
    for ran_for_s, step_s in ((0.0, 0.2), (4.9, 0.4), (5.0, 0.2)):
        process.fail(ran_for_s)
        assert 0.8 * step_s <= process.start_at_s <= 1.2 * step_s


def test_a_process_that_survives_sigkill_is_reported_without_an_exit_code(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process, inbox = make(hang)
    process.start(None, 60.0)
    inbox.get(timeout=DEADLINE_S)
    pid = process.pid
    assert pid is not None
    with monkeypatch.context() as patched:
        patched.setattr("edgeheat.daemon.managed_process.os.kill", lambda pid, signum: None)
        patched.setattr("edgeheat.daemon.managed_process._COLLECT_TIMEOUT_S", 0.01)
        assert process.end() == ""
    os.kill(pid, signal.SIGKILL)
    hint = "it may hang in a device driver"
    assert caplog.messages == [f"test: process {pid} did not end within 0.01 s after SIGKILL; {hint}"]
