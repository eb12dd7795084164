"""Builders of events for the tests of the page, with pictures that look like a shop's."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edgeheat.defs.events import (
    CameraHealth,
    CameraState,
    CameraStatus,
    HealthVerdict,
    HeatImage,
    Progress,
    Snapshot,
    ZoneHeat,
)
from edgeheat.defs.params import DEFAULT_HEATS, HeatParams

NOON = 1_795_172_400.0  # 2026-11-20 11:00 UTC, noon in Berlin


def shop_picture(seed: int, size_wh: tuple[int, int] = (1280, 720)) -> bytes:
    """A dimmed ceiling view with heat along a few paths, as JPEG."""
    rng = np.random.default_rng(seed)
    width, height = size_wh
    shop = np.full((height, width), 70, np.uint8)
    for x in range(width // 10, width, width // 4):
        cv2.rectangle(shop, (x, height // 6), (x + width // 12, height * 5 // 6), 38, -1)
    trace = np.zeros((height, width), np.float32)
    for _ in range(5):
        points = np.cumsum(rng.normal(0, 60, (9, 2)), axis=0) + rng.uniform((0, 0), size_wh)
        cv2.polylines(trace, [points.astype(np.int32)], False, 1.0, 26)
    heat = cv2.GaussianBlur(trace, (0, 0), 22)
    share = np.sqrt(heat / heat.max())
    colour = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = (share * 0.8)[..., None]
    picture = (colour * opacity + shop[..., None] * (1 - opacity)).astype(np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


HEATS = {heat.name: heat for heat in DEFAULT_HEATS}


def zone_heat(zone: str, rank: int | None, active_ratio: float = 0.14, period_s: float = 86400.0) -> ZoneHeat:
    cells, share = 2000, active_ratio * period_s
    return ZoneHeat(
        zone,
        cells,
        cell_seconds=share / 20 * cells,
        mean_s=share / 20,
        peak_s=share / 2,
        peak_xy=(0.5, 0.5),
        rank=rank,
        active_s=share,
        active_ratio=active_ratio,
        traffic_cell_s=share / 60 * cells,
        dwell_cell_s=share / 30 * cells,
        entries=share / 40,
    )


def zones(period_s: float = 86400.0) -> tuple[ZoneHeat, ...]:
    """The whole picture, and two zones in the order of the configuration, which is not that of their ranks."""
    return (
        zone_heat("all", None, 0.31, period_s),
        zone_heat("entrance mat", 2, 0.08, period_s),
        zone_heat("till", 1, 0.14, period_s),
    )


def heat_image(heat: str, image: bytes = b"jpeg bytes", coverage: float = 0.98) -> HeatImage:
    params: HeatParams = HEATS[heat]
    period_s = params.length_s / math.log(2) if params.kind == "decaying" else params.length_s
    return HeatImage(
        heat,
        params.kind,
        params.measure,
        period_s,
        coverage * period_s,
        coverage,
        42.0,
        zones(period_s),
        image,
        "image/jpeg",
        (1280, 720),
    )


def snapshot(camera: str, wall_s: float = NOON, image: bytes = b"jpeg bytes") -> Snapshot:
    return Snapshot(camera, wall_s, tuple(heat_image(heat, image) for heat in HEATS))


def health(camera: str, verdict: HealthVerdict, reason: str = "", wall_s: float = NOON) -> CameraHealth:
    return CameraHealth(camera, verdict, reason, wall_s)


def status(camera: str, state: CameraState, reason: str = "", code: str = "ok", wall_s: float = NOON) -> CameraStatus:
    return CameraStatus(camera, state, reason, code, wall_s)


def progress(camera: str, wall_s: float = NOON, last_frame_wall_s: float | None = None) -> Progress:
    return Progress(
        camera,
        wall_s,
        wall_s if last_frame_wall_s is None else last_frame_wall_s,
        frames_decoded=15,
        frames_analysed=5,
        frames_skipped=10,
        observed_s=1.0,
        motion_s={"all": 0.6, "till": 0.2},
        cell_seconds={"all": 34.0, "till": 4.0},
        dwell_cell_s={"all": 46.0, "till": 6.0},
        active_s={"all": 0.8, "till": 0.2},
        entries={"all": 1, "till": 0},
        rejected_s={"light": 0.4},
        rejected_cell_s={"shadow": 15.0, "flicker": 5.0},
        masked_ratio=0.04,
        screen_text_ratio=0.012,
        motion_ratio={"all": 0.031, "till": 0.012},
        step_s=(0.003, 0.003, 0.004, 0.003, 0.003),
    )
