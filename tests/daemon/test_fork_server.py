"""The check that the libraries load: errors that end it, and the remedy that the user reads."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable

import pytest

from edgeheat.daemon import fork_server
from edgeheat.daemon.fork_server import check_libraries
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.errors import StartupError
from tests.support.wait import DEADLINE_S

MISSING_FILE = "libGL.so.1: cannot open shared object file: No such file or directory"


def loaded(monkeypatch: pytest.MonkeyPatch, load: Callable[[str], None]) -> tuple[str, str]:
    """Return what the probe's process answers if loading the libraries calls `load`."""
    monkeypatch.setattr(fork_server.importlib, "import_module", load)
    monkeypatch.setattr(fork_server.signal, "signal", lambda *_: None)
    reader, writer = multiprocessing.Pipe(duplex=False)
    with reader, writer:
        fork_server._load_libraries(writer)
        answer: tuple[str, str] = reader.recv()
        return answer


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (ImportError(MISSING_FILE), MISSING_FILE, "apt install libgl1 libglib2.0-0 libxcb1"),
        (ImportError("No module named 'av'"), "No module named 'av'", "pip install --force-reinstall"),
        (RuntimeError("the machine has no SSE4"), "RuntimeError: the machine has no SSE4", "built for this processor"),
        (MemoryError(), "MemoryError", "free memory"),
    ],
)
def test_every_error_of_loading_is_answered_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, error: Exception, text: str, remedy: str
) -> None:
    def fail(_: str) -> None:
        raise error

    answer = loaded(monkeypatch, fail)
    assert answer[0] == text
    assert remedy in answer[1]
    assert ("reinstall" in answer[1]) == ("No module" in text)


def test_libraries_that_load_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, lambda _: None) == ("", "")


def test_a_process_that_cannot_be_started_ends_the_check_and_leaves_no_pipe_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = list(multiprocessing.Pipe(duplex=False))

    class NoProcesses:
        def Pipe(self, duplex: bool) -> tuple[object, ...]:  # noqa: N802 as in multiprocessing
            return tuple(ends)

        def Process(self, **_: object) -> None:  # noqa: N802
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(fork_server, "fork_server_context", NoProcesses)
    with pytest.raises(StartupError, match=r"no process could be started \(RuntimeError: can't start new thread\)"):
        check_libraries(SystemClock(), lambda: False, DEADLINE_S)
    assert all(end.closed for end in ends)


def test_libraries_that_do_not_load_in_time_end_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "_probe", lambda results: None)
    with pytest.raises(StartupError, match="did not load within 0 s: the disk may be failing"):
        check_libraries(SystemClock(), lambda: False, 0.0)


def test_an_error_that_arrives_with_a_request_to_stop_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(results: queue.SimpleQueue[tuple[str, str]]) -> None:
        results.put(("the fork server ended", "remedy"))
        failed.set()

    answers = iter([False, True])

    def stop_requested() -> bool:
        assert failed.wait(DEADLINE_S)
        return next(answers)

    monkeypatch.setattr(fork_server, "_probe", fail)
    check_libraries(SystemClock(), stop_requested, DEADLINE_S)
    assert next(answers, None) is None, "the error was not seen"
