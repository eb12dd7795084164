"""Each worker sends its state at the interval, one worker at a time."""

from __future__ import annotations

from edgeheat.daemon.state_save_requester import StateSaveRequester
from edgeheat.defs.commands import Command, SaveState
from tests.test_one_engine import PlayedClock


def test_workers_are_asked_one_per_cycle_and_only_while_they_run() -> None:
    clock, sent = PlayedClock(), []

    def send(camera: str, command: Command) -> None:
        assert command == SaveState()
        sent.append(camera)

    periodic = StateSaveRequester(send, 60.0, clock)
    for camera in ("aisle", "till"):
        periodic.on_starting(camera)
    clock.sleep(59.0)
    periodic.on_cycle()
    assert sent == []
    clock.sleep(1.0)
    for _ in range(3):
        periodic.on_cycle()
    assert sent == ["aisle", "till"]
    periodic.on_offline("aisle", "stalled", "")
    clock.sleep(60.0)
    for _ in range(2):
        periodic.on_cycle()
    assert sent == ["aisle", "till", "till"]
