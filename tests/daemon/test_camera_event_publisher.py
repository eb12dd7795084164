"""Which events are published for the messages of a camera's process."""

from __future__ import annotations

from edgeheat.daemon.camera_event_publisher import CameraEventPublisher
from edgeheat.daemon.messages import ProgressReport, SnapshotTaken
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.events import CameraHealth, CameraStatus, Event, HealthVerdict, Progress, Snapshot


def report(wall_s: float, health: HealthVerdict) -> ProgressReport:
    reason = "" if health == "ok" else f"the picture is {health}"
    return ProgressReport(
        Progress("aisle", wall_s, wall_s, 15, 5, 10, 1.0, health=health, health_reason=reason), (), wall_s
    )


def health_of(events: list[Event]) -> list[CameraHealth]:
    return [event for event in events if isinstance(event, CameraHealth)]


def test_health_is_published_when_it_changes_and_not_before_the_camera_is_online() -> None:
    events: list[Event] = []
    camera_events = CameraEventPublisher(events.append, SystemClock())
    camera_events.on_message("aisle", report(1.0, "ok"))
    assert health_of(events) == []
    camera_events.on_online("aisle")
    verdicts: tuple[HealthVerdict, ...] = ("ok", "ok", "dark", "dark", "covered", "ok", "ok")
    for wall_s, verdict in enumerate(verdicts, start=2):
        camera_events.on_message("aisle", report(wall_s, verdict))
    assert health_of(events) == [
        CameraHealth("aisle", "ok", "", 2.0),
        CameraHealth("aisle", "dark", "the picture is dark", 4.0),
        CameraHealth("aisle", "covered", "the picture is covered", 6.0),
        CameraHealth("aisle", "ok", "", 7.0),
    ]


def test_states_progress_and_snapshots_are_published_in_order() -> None:
    events: list[Event] = []
    camera_events = CameraEventPublisher(events.append, SystemClock())
    snapshot = Snapshot("aisle", 1.0, ())
    camera_events.on_online("aisle")
    camera_events.on_message("aisle", SnapshotTaken(snapshot))
    camera_events.on_offline("aisle", "stalled", "no frame for 10 s")
    camera_events.on_message("aisle", report(1.0, "dark"))
    camera_events.on_stopped("aisle")
    codes = [each.reason_code if isinstance(each, CameraStatus) else type(each).__name__ for each in events]
    assert codes == ["ok", "Snapshot", "stalled", "Progress", "stopped"]
