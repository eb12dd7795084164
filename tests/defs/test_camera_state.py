"""The state machine of one camera: what the page, the metrics and MQTT show after each event."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.defs.camera_state import CurrentState, apply_event
from edgeheat.defs.events import (
    CameraHealth,
    CameraState,
    CameraStatus,
    CellRejection,
    Event,
    FrameRejection,
    HealthVerdict,
    HeatImage,
    PlanArea,
    Progress,
    Snapshot,
)

PLAN = PlanArea((11.0, 10.0), 0.001, 0.97)


def status(state: CameraState, wall_s: float, reason: str = "", code: str = "ok") -> CameraStatus:
    return CameraStatus("door", state, reason, code, wall_s)


def offline(wall_s: float, reason: str = "no route to host", code: str = "unavailable") -> CameraStatus:
    return status("offline", wall_s, reason, code)


def starting(wall_s: float) -> CameraStatus:
    return status("starting", wall_s, "", "starting")


def online(wall_s: float) -> CameraStatus:
    return status("online", wall_s)


def closed(wall_s: float) -> CameraStatus:
    return status("closed", wall_s, "", "closed")


def health(verdict: HealthVerdict, wall_s: float, reason: str = "") -> CameraHealth:
    return CameraHealth("door", verdict, reason, wall_s)


def progress(wall_s: float, **figures: Any) -> Progress:
    values: dict[str, Any] = {"last_frame_wall_s": wall_s, "observed_s": 1.0, "motion_ratio": {"all": 0.5}}
    return Progress("door", wall_s, frames_decoded=5, frames_analysed=5, frames_skipped=0, **(values | figures))


def rejected(wall_s: float) -> Progress:
    return progress(wall_s, observed_s=0.0, motion_ratio={}, rejected_s={"unhealthy": 1.0})


def snapshot(wall_s: float, *coverages: tuple[str, float], plan: PlanArea | None = None) -> Snapshot:
    heats = (
        HeatImage(heat, "window", "presence", 3600.0, 3600.0 * share, share, 9.0, (), b"", "image/png", (1, 1))
        for heat, share in coverages
    )
    return Snapshot("door", wall_s, tuple(heats), plan=plan)


def after(*events: Event) -> CurrentState:
    state = CurrentState("door")
    for event in events:
        state = apply_event(state, event)
    return state


CASES: list[tuple[str, list[Event], dict[str, Any]]] = [
    ("nothing is known before the first event", [],
     {"state": "starting", "reason": "", "since_wall_s": 0.0, "health": None, "last_frame_wall_s": 0.0}),
    ("online has no reason", [online(10.0)],
     {"state": "online", "reason": "", "reason_code": "ok", "since_wall_s": 10.0}),
    ("offline has one", [offline(10.0)],
     {"state": "offline", "reason": "no route to host", "reason_code": "unavailable", "since_wall_s": 10.0}),
    ("lag and analysis rate are those of the last progress",
     [online(10.0), progress(11.0, lag_s=0.5, analysis_rate_ratio=0.25)],
     {"lag_s": 0.5, "analysis_rate_ratio": 0.25}),
    ("nothing is known of either while the camera is offline",
     [online(10.0), progress(11.0, lag_s=0.5, analysis_rate_ratio=0.25), offline(12.0), progress(12.0, lag_s=9.0)],
     {"lag_s": None, "analysis_rate_ratio": 1.0}),
    ("a retry after a failure changes nothing", [offline(10.0), starting(15.0)],
     {"state": "offline", "reason": "no route to host", "reason_code": "unavailable", "since_wall_s": 10.0}),
    ("a camera that was online can be starting", [online(10.0), starting(15.0)],
     {"state": "starting", "reason": "", "reason_code": "starting", "since_wall_s": 15.0}),
    ("repeated failures keep the first instant and the last reason",
     [online(10.0), offline(60.0, "stream ended", "ended"), offline(90.0)],
     {"reason": "no route to host", "reason_code": "unavailable", "since_wall_s": 60.0}),
    ("starting and offline are both not online", [starting(10.0), offline(20.0)],
     {"state": "offline", "since_wall_s": 10.0}),
    ("a success after failures clears the reason and sets a new instant", [offline(10.0), offline(20.0), online(30.0)],
     {"state": "online", "reason": "", "since_wall_s": 30.0}),
    ("being online twice keeps the first instant", [online(10.0), online(20.0)], {"since_wall_s": 10.0}),
    ("a closed shop is neither online nor offline, since it closed", [online(10.0), closed(20.0)],
     {"state": "closed", "reason": "", "reason_code": "closed", "since_wall_s": 20.0}),
    ("a camera that does not answer is offline, though the shop is closed", [closed(20.0), offline(30.0)],
     {"state": "offline", "reason": "no route to host", "since_wall_s": 30.0}),
    ("a camera that answers again is closed again", [offline(20.0), closed(30.0)],
     {"state": "closed", "reason": "", "since_wall_s": 30.0}),
    ("health and motion are unknown while the shop is closed",
     [online(10.0), health("dark", 11.0), progress(12.0), closed(20.0)], {"health": None, "motion_ratio": {}}),
    ("a reason never contains a password", [offline(10.0, "rtsp://u:secret@10.0.0.2/1: no answer")],
     {"reason": "rtsp://***@10.0.0.2/1: no answer"}),
    ("a floor plan may be online for a reason", [status("online", 10.0, "without its picture")],
     {"state": "online", "reason": "without its picture"}),

    ("a verdict is known with its instant and reason", [online(10.0), health("dark", 20.0, "switch the light on")],
     {"health": "dark", "health_reason": "switch the light on", "health_since_wall_s": 20.0}),
    ("a new verdict replaces it", [online(10.0), health("dark", 20.0, "switch the light on"), health("ok", 30.0)],
     {"health": "ok", "health_reason": "", "health_since_wall_s": 30.0}),
    ("health is unknown while not online", [online(10.0), health("dark", 20.0, "x"), offline(30.0)],
     {"health": None, "health_reason": "", "health_since_wall_s": 0.0}),
    ("a verdict that arrives while not online is ignored", [online(10.0), offline(20.0), health("dark", 21.0, "x")],
     {"health": None, "health_reason": ""}),
    ("health stays unknown after a reconnect until the next verdict",
     [online(10.0), health("dark", 20.0, "x"), offline(30.0), online(40.0)], {"health": None}),
    ("a verdict's reason never contains a password",
     [online(10.0), health("frozen", 20.0, "http://10.0.0.2/?pwd=secret: it does not change")],
     {"health_reason": "http://10.0.0.2/?***: it does not change"}),

    ("motion is known while online", [online(10.0), progress(11.0, motion_ratio={"all": 0.5, "till": 0.25})],
     {"motion_ratio": {"all": 0.5, "till": 0.25}, "last_frame_wall_s": 11.0}),
    ("motion is unknown before the camera is online", [progress(11.0)], {"motion_ratio": {}}),
    ("motion is unknown once the camera is offline", [online(10.0), progress(11.0), offline(12.0)],
     {"motion_ratio": {}}),
    ("the last progress of a dead worker does not bring motion back",
     [online(10.0), progress(11.0), offline(12.0), progress(12.5)], {"motion_ratio": {}, "last_frame_wall_s": 12.5}),
    ("motion is unknown after a reconnect until something is counted",
     [online(10.0), progress(11.0), offline(12.0), online(13.0)], {"motion_ratio": {}}),
    ("motion is unknown while all frames are rejected", [online(10.0), progress(11.0), rejected(12.0)],
     {"motion_ratio": {}}),
    ("motion is known again with the next counted frame",
     [online(10.0), progress(11.0), rejected(12.0), progress(13.0, motion_ratio={"all": 0.2})],
     {"motion_ratio": {"all": 0.2}}),
    ("a second without a frame keeps the last motion",
     [online(10.0), progress(11.0), progress(12.0, observed_s=0.0, motion_ratio={})], {"motion_ratio": {"all": 0.5}}),
    ("frames that are rejected beside counted ones leave motion known",
     [online(10.0), progress(11.0, rejected_s={"light": 0.4})], {"motion_ratio": {"all": 0.5}}),
    ("a restarted worker does not forget the last frame", [progress(11.0), progress(20.0, last_frame_wall_s=0.0)],
     {"last_frame_wall_s": 11.0}),
    ("the masked share is the newest one, also offline",
     [progress(11.0, masked_ratio=0.04), offline(12.0), progress(13.0, masked_ratio=0.02)], {"masked_ratio": 0.02}),
    ("so is the share of the camera's clock",
     [progress(11.0, screen_text_ratio=0.03), offline(12.0), progress(13.0, screen_text_ratio=0.01)],
     {"screen_text_ratio": 0.01}),

    ("a snapshot has an instant and coverages", [snapshot(20.0, ("hour", 0.5), ("day", 0.25))],
     {"last_snapshot_wall_s": 20.0, "coverage": {"hour": 0.5, "day": 0.25}, "plan": None}),
    ("a snapshot of one heat keeps the coverage of the others",
     [snapshot(20.0, ("hour", 0.5), ("day", 0.25)), snapshot(30.0, ("hour", 0.75))],
     {"last_snapshot_wall_s": 30.0, "coverage": {"hour": 0.75, "day": 0.25}}),
    ("coverage is kept while offline", [snapshot(20.0, ("hour", 0.5)), offline(30.0)], {"coverage": {"hour": 0.5}}),
    ("a floor plan's snapshot has an area", [snapshot(20.0, plan=PLAN)], {"plan": PLAN}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "events", "expected"), CASES, ids=[what for what, _, _ in CASES])
def test_the_state_after_events(what: str, events: list[Event], expected: dict[str, Any]) -> None:
    state = after(*events)
    assert {name: getattr(state, name) for name in expected} == expected, what


def test_the_previous_state_is_not_changed() -> None:
    before = after(online(10.0), progress(11.0), snapshot(12.0, ("hour", 0.5)))
    apply_event(before, progress(13.0, motion_ratio={"till": 0.1}))
    apply_event(before, snapshot(14.0, ("day", 0.5)))
    assert before == after(online(10.0), progress(11.0), snapshot(12.0, ("hour", 0.5)))


walls = st.floats(1.0, 1e9)
shares = st.floats(0.0, 1.0)
zones = st.dictionaries(st.sampled_from(["all", "till"]), shares)
events = st.one_of(
    st.builds(status, st.sampled_from(get_args(CameraState)), walls, st.sampled_from(["", "rtsp://u:secret@h/"])),
    st.builds(health, st.sampled_from(get_args(HealthVerdict)), walls, st.sampled_from(["", "rtsp://u:secret@h/"])),
    st.builds(
        progress,
        walls,
        last_frame_wall_s=st.one_of(st.just(0.0), walls),
        observed_s=st.sampled_from([0.0, 1.0]),
        motion_ratio=zones,
        rejected_s=st.dictionaries(st.sampled_from(get_args(FrameRejection)), shares),
        rejected_cell_s=st.dictionaries(st.sampled_from(get_args(CellRejection)), shares),
        masked_ratio=shares,
        screen_text_ratio=shares,
    ),
    st.builds(snapshot, walls, st.tuples(st.sampled_from(["hour", "day"]), shares)),
)


@given(st.lists(events, max_size=30))
def test_whatever_happens_the_state_is_consistent(happened: list[Event]) -> None:
    state = CurrentState("door")
    for event in happened:
        before, state = state, apply_event(state, event)
        if state.state != "online":
            assert state.health is None
            assert not state.motion_ratio
        if state.health is None:
            assert (state.health_reason, state.health_since_wall_s) == ("", 0.0)
        assert (before.state, state.state) != ("offline", "starting")
        same = {"starting": "offline"}
        if same.get(before.state, before.state) == same.get(state.state, state.state) and before.since_wall_s > 0:
            assert state.since_wall_s == before.since_wall_s
        assert state.last_frame_wall_s > 0 or before.last_frame_wall_s == 0
        assert before.coverage.keys() <= state.coverage.keys()
        assert "secret" not in state.reason + state.health_reason
        assert (state.name, state.is_plan) == ("door", False)


@given(st.lists(events, max_size=30))
def test_repeating_a_status_changes_nothing(happened: list[Event]) -> None:
    state = CurrentState("door")
    for event in happened:
        state = apply_event(state, event)
        if isinstance(event, CameraStatus):
            assert apply_event(state, event) == state
