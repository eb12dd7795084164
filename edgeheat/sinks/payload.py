"""Formats the statistics of a snapshot's heats, zones and floor plan as JSON, identically for disk and MQTT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from edgeheat.defs.events import HeatImage, Snapshot, ZoneHeat

SCHEMA = 1
"""Version of the format: incremented when a field changes its meaning or is removed, not when one is added."""

_FIELD_UNITS: Mapping[str, str] = {
    "epoch": "increases when the camera was moved, or its grid or `feet` changed: different epochs do not compare",
    "of": "what the heat measures: traffic is movement, dwell is staying, presence is both together",
    "period_s": "seconds",
    "observed_s": "seconds",
    "open_s": "seconds of the period within opening hours",
    "coverage": "observed_s / open_s, 0 to 1",
    "scale_max_s": "seconds of a cell at the top of the colour scale",
    "cells": "grid cells in the zone",
    "cell_seconds": "seconds of the heat's measure, summed over the zone's cells",
    "mean_s": "seconds of the heat's measure in the mean cell",
    "peak_s": "seconds of the heat's measure at the hottest place",
    "peak_xy": "position of the hottest place, 0 to 1 of the picture's width and height, from the top left corner",
    "weight": "the zone's weight in the configuration",
    "rank": "1 for the zone with the most weight x mean_s; null for the zone all",
    "active_s": "seconds in which the zone was occupied",
    "active_ratio": "active_s / observed_s, 0 to 1",
    "traffic_cell_s": "seconds of movement summed over the zone's cells, for any measure of the heat",
    "dwell_cell_s": "seconds of staying summed over the zone's cells, for any measure of the heat",
    "entries": "how often the zone became active; weighted by age in a decaying heat, like all its figures",
}
"""Unit or meaning of each field, which the payload itself includes."""

_ACTIVITY = {"weight", "rank", "active_s", "active_ratio", "traffic_cell_s", "dwell_cell_s", "entries"}
"""The zone figures of a camera only: a floor plan is computed from heats, not from frames."""

_PLAN_UNITS: Mapping[str, str] = {
    "size_m": "width and depth of the floor plan in metres",
    "cell_m2": "square metres of one cell of the floor plan",
    "seen_ratio": "share of the floor plan that at least one camera sees, 0 to 1; the figures refer to that part",
}
"""The same for the additional fields of a floor plan."""

EXTENSIONS: Mapping[str, str] = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
"""The file name extension of each media type that a HeatImage may have."""


def utc_text(wall_s: float) -> str:
    """Return an instant (Unix time) as RFC 3339 text in UTC, to the second: `2026-11-21T09:35:00Z`."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def heat_fields(snapshot: Snapshot, heat: HeatImage) -> dict[str, object]:
    """Return the fields of one heat of a snapshot for `to_json`; `units` explains them."""
    fields_of = _camera_zone_fields if snapshot.plan is None else _plan_zone_fields
    return {
        "kind": heat.kind,
        "of": heat.measure,
        "period_s": round(heat.period_s, 3),
        "observed_s": round(heat.observed_s, 3),
        "open_s": round(heat.period_s * heat.open_ratio, 3),
        "coverage": round(heat.coverage, 4),
        "scale_max_s": round(heat.scale_max_s, 3),
        "zones": {zone.zone: fields_of(zone) for zone in heat.zones},
    }


def units(snapshot: Snapshot) -> dict[str, str]:
    """Return the unit or meaning of each field of a snapshot's statistics, by field name."""
    if snapshot.plan is None:
        return dict(_FIELD_UNITS)
    return {**{name: words for name, words in _FIELD_UNITS.items() if name not in _ACTIVITY}, **_PLAN_UNITS}


def plan_fields(snapshot: Snapshot) -> dict[str, object]:
    """Return the area of a floor plan under the key `plan`; empty for a camera."""
    if snapshot.plan is None:
        return {}
    plan = snapshot.plan
    fields = {
        "size_m": list(plan.size_m),
        "cell_m2": round(plan.cell_m2, 6),
        "seen_ratio": round(plan.seen_ratio, 4),
    }
    return {"plan": fields}


def _plan_zone_fields(zone: ZoneHeat) -> dict[str, object]:
    return {
        "cells": zone.cells,
        "cell_seconds": round(zone.cell_seconds, 3),
        "mean_s": round(zone.mean_s, 4),
        "peak_s": round(zone.peak_s, 3),
        "peak_xy": [round(coordinate, 4) for coordinate in zone.peak_xy],
    }


def _camera_zone_fields(zone: ZoneHeat) -> dict[str, object]:
    return {
        **_plan_zone_fields(zone),
        "weight": zone.weight,
        "rank": zone.rank,
        "active_s": round(zone.active_s, 3),
        "active_ratio": round(zone.active_ratio, 4),
        "traffic_cell_s": round(zone.traffic_cell_s, 3),
        "dwell_cell_s": round(zone.dwell_cell_s, 3),
        "entries": round(zone.entries, 3),
    }


def to_json(content: Mapping[str, object]) -> bytes:
    """Return `content` as compact UTF-8 JSON; raises ValueError on NaN and infinity, which JSON cannot express."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
