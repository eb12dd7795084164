"""Builders of events for the sinks' tests; every default can be replaced."""

from __future__ import annotations

from datetime import UTC, datetime

from edgeheat.core.events import CameraState, CameraStatus, HeatImage, Progress, Snapshot, ZoneHeat

NOON_S = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC).timestamp()


def heat_image(heat: str = "hour", image: bytes = b"picture", media_type: str = "image/jpeg") -> HeatImage:
    zones = (ZoneHeat("all", 57600, 1234.5678, 0.021434, 41.23456, (0.251, 0.75)), ZoneHeat("tür", 20, 0, 0, 0, (0, 0)))
    return HeatImage(heat, "window", 3600.0, 3564.0, 0.99, 41.2, zones, image, media_type, (1280, 720))


def snapshot(wall_s: float = NOON_S, *heats: HeatImage, camera: str = "door") -> Snapshot:
    return Snapshot(camera, wall_s, heats or (heat_image(),))


def status(state: CameraState = "online", reason: str = "", code: str = "ok", camera: str = "door") -> CameraStatus:
    return CameraStatus(camera, state, reason, code, NOON_S)


def progress(camera: str = "door") -> Progress:
    return Progress(camera, NOON_S, NOON_S, 15, 5, 10, 1.0, {"all": 0.4}, {"all": 12.0}, {"all": 0.01}, (0.002,))
