"""The figures of a snapshot as JSON, the same on disk and over MQTT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from edgeheat.core.events import HeatImage, ZoneHeat

SCHEMA = 1
"""Goes up when a field changes its meaning or goes away; a new field does not raise it."""

UNITS: Mapping[str, str] = {
    "period_s": "seconds",
    "observed_s": "seconds",
    "coverage": "observed_s / period_s, 0 to 1",
    "scale_max_s": "motion-seconds of a cell at the top of the colour scale",
    "cells": "grid cells in the zone",
    "cell_seconds": "motion-seconds summed over the zone's cells",
    "mean_s": "motion-seconds of the mean cell",
    "peak_s": "motion-seconds of the hottest cell",
    "peak_xy": "its place, 0 to 1 of the picture's width and height from the top left corner",
}

EXTENSIONS: Mapping[str, str] = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
"""The file name extension of each media type that a HeatImage may have."""


def utc_text(wall_s: float) -> str:
    """An instant (Unix time) as RFC 3339 text in UTC to the second: `2026-11-21T09:35:00Z`."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def heat_figures(heat: HeatImage) -> dict[str, object]:
    """The figures of one heat, ready for `to_json`; `UNITS` says what each means."""
    return {
        "kind": heat.kind,
        "period_s": round(heat.period_s, 3),
        "observed_s": round(heat.observed_s, 3),
        "coverage": round(heat.coverage, 4),
        "scale_max_s": round(heat.scale_max_s, 3),
        "zones": {zone.zone: _zone_figures(zone) for zone in heat.zones},
    }


def _zone_figures(zone: ZoneHeat) -> dict[str, object]:
    return {
        "cells": zone.cells,
        "cell_seconds": round(zone.cell_seconds, 3),
        "mean_s": round(zone.mean_s, 4),
        "peak_s": round(zone.peak_s, 3),
        "peak_xy": [round(part, 4) for part in zone.peak_xy],
    }


def to_json(content: Mapping[str, object]) -> bytes:
    """`content` as compact UTF-8 JSON; raises ValueError on NaN and infinity, which JSON does not know."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
