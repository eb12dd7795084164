"""Builders of events for the tests of the sinks."""

from __future__ import annotations

from datetime import UTC, datetime

from edgeheat.defs.events import (
    CameraHealth,
    CameraState,
    CameraStatus,
    HealthVerdict,
    HeatImage,
    PlanArea,
    Progress,
    Snapshot,
    ZoneHeat,
)

NOON_S = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC).timestamp()


def heat_image(heat: str = "hour", image: bytes = b"picture", media_type: str = "image/jpeg") -> HeatImage:
    everywhere = ZoneHeat(
        "all",
        57600,
        1234.5678,
        0.021434,
        41.23456,
        (0.251, 0.75),
        active_s=891.00004,
        active_ratio=0.25,
        traffic_cell_s=1000.1234,
        dwell_cell_s=234.4444,
        entries=17,
    )
    zones = (everywhere, ZoneHeat("tür", 20, 0, 0, 0, (0, 0), weight=2.5, rank=1))
    return HeatImage(heat, "window", "presence", 3600.0, 3564.0, 0.99, 41.2, zones, image, media_type, (1280, 720))


def snapshot(wall_s: float = NOON_S, *heats: HeatImage, camera: str = "door") -> Snapshot:
    return Snapshot(camera, wall_s, heats or (heat_image(),))


def plan_snapshot() -> Snapshot:
    return Snapshot("floor", NOON_S, (heat_image(),), plan=PlanArea((11.0, 10.0), 0.0011812, 0.97828))


def status(state: CameraState = "online", reason: str = "", code: str = "ok", camera: str = "door") -> CameraStatus:
    return CameraStatus(camera, state, reason, code, NOON_S)


def health(verdict: HealthVerdict = "ok", reason: str = "", camera: str = "door") -> CameraHealth:
    return CameraHealth(camera, verdict, reason, NOON_S)


def progress(camera: str = "door") -> Progress:
    return Progress(
        camera,
        NOON_S,
        NOON_S,
        frames_decoded=15,
        frames_analysed=5,
        frames_skipped=10,
        observed_s=1.0,
        motion_s={"all": 0.4},
        cell_seconds={"all": 12.0},
        dwell_cell_s={"all": 3.0},
        active_s={"all": 0.6},
        entries={"all": 1},
        rejected_s={"light": 0.2},
        rejected_cell_s={"shadow": 4.0, "ghost": 1.0},
        masked_ratio=0.02,
        motion_ratio={"all": 0.01},
        step_s=(0.002,),
    )
