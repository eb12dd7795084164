"""Derives the current state of a camera or floor plan from its events, for the page, the metrics and MQTT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgeheat.defs.events import (
    CameraEvent,
    CameraHealth,
    CameraState,
    CameraStatus,
    HealthVerdict,
    PlanArea,
    Progress,
    Snapshot,
)
from edgeheat.redact import redact


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The state of one camera or floor plan after its events so far; before the first event it is `starting`.

    The mappings are never changed after construction. Camera health, frames and motion stay at their defaults
    for a floor plan.
    """

    name: str
    is_plan: bool = False
    state: CameraState = "starting"
    reason: str = ""
    """Why it is not online, in one sentence without passwords; empty while online or closed, except for a floor plan
    that is drawn without its background image."""

    reason_code: str = "starting"
    """The same as a fixed word, see CameraStatus."""

    since_wall_s: float = 0.0
    """When it last changed between online, closed and neither, Unix time in seconds; 0 before the first status."""

    last_frame_wall_s: float = 0.0
    """Unix time of the last decoded frame, also of earlier workers; 0 before the first."""

    health: HealthVerdict | None = None
    """None while the camera is not online, and until its first verdict after that."""

    health_reason: str = ""
    """Why, and what to do, in one sentence without passwords; empty where the verdict is `ok`."""

    health_since_wall_s: float = 0.0
    """Unix time of the verdict; 0 while there is none."""

    motion_ratio: Mapping[str, float] = field(default_factory=dict)
    """By zone: mean fraction of its cells in motion during the last observed second, 0..1.

    Empty while the camera is not online and while its frames do not count.
    """

    masked_ratio: float = 0.0
    """Fraction of the cells that the flicker mask excludes, 0..1."""

    screen_text_ratio: float = 0.0
    """Fraction of the cells in which the camera writes its clock, 0..1."""

    lag_s: float | None = None
    """By how many seconds the latest frame was read too late; None if that is unknown and while it is not online."""

    analysis_rate_ratio: float = 1.0
    """The rate of analysis as a fraction of `analysis_fps`; below 1 while the machine is short of CPU time."""

    last_snapshot_wall_s: float = 0.0
    """Unix time of the last snapshot, 0 before the first."""

    coverage: Mapping[str, float] = field(default_factory=dict)
    """By heat: observed fraction of its period, 0..1, as of its last picture."""

    plan: PlanArea | None = None
    """The area of a floor plan; None for a camera, and before the plan's first snapshot."""


def apply_event(state: CurrentState, event: CameraEvent) -> CurrentState:
    """Return the state after `event`, which must belong to the camera or floor plan `state.name`."""
    match event:
        case CameraStatus():
            return _after_status(state, event)
        case CameraHealth():
            return _after_health(state, event)
        case Progress():
            return _after_progress(state, event)
        case Snapshot():
            return replace(
                state,
                last_snapshot_wall_s=event.wall_s,
                coverage={**state.coverage, **{heat.heat: heat.coverage for heat in event.heats}},
                plan=event.plan,
            )


def _after_status(state: CurrentState, status: CameraStatus) -> CurrentState:
    # A retry after a failure changes nothing until it succeeds; the reason of the failure has to stay visible.
    if status.state == "starting" and state.state == "offline":
        return state
    if status.state != "online":
        # Nothing is known about a picture that does not arrive: no verdict, and neither motion nor its absence.
        state = replace(
            state,
            health=None,
            health_reason="",
            health_since_wall_s=0.0,
            motion_ratio={},
            lag_s=None,
            analysis_rate_ratio=1.0,
        )
    group = {"starting": "offline"}  # a retry is not a change
    is_unchanged = group.get(status.state, status.state) == group.get(state.state, state.state)
    return replace(
        state,
        state=status.state,
        reason=redact(status.reason),
        reason_code=status.reason_code,
        since_wall_s=state.since_wall_s if is_unchanged and state.since_wall_s > 0 else status.wall_s,
    )


def _after_health(state: CurrentState, health: CameraHealth) -> CurrentState:
    if state.state != "online":
        return state
    return replace(
        state,
        health=health.verdict,
        health_reason=redact(health.reason),
        health_since_wall_s=health.wall_s,
    )


def _after_progress(state: CurrentState, progress: Progress) -> CurrentState:
    # The last progress of a dead worker may arrive after its camera went offline.
    motion_is_known = state.state == "online" and not progress.motion_is_unknown
    return replace(
        state,
        # A restarted worker reports 0 until its first frame; the camera's previous frame stays the last one.
        last_frame_wall_s=progress.last_frame_wall_s or state.last_frame_wall_s,
        motion_ratio={**state.motion_ratio, **progress.motion_ratio} if motion_is_known else {},
        masked_ratio=progress.masked_ratio,
        screen_text_ratio=progress.screen_text_ratio,
        lag_s=progress.lag_s if state.state == "online" else None,
        analysis_rate_ratio=progress.analysis_rate_ratio if state.state == "online" else 1.0,
    )
