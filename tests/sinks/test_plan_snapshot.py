"""A floor plan's snapshot in the sinks: like a camera's, but in metres, and without what only a camera knows."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import pytest

from edgeheat.defs.events import CameraStatus, PlanArea, Snapshot
from edgeheat.sinks.disk.sink import DiskSink
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.sinks.payload import heat_figures, plan_figures, units
from tests.sinks.events import NOON_S, heat_image, snapshot, status


def plan_snapshot() -> Snapshot:
    return Snapshot("floor", NOON_S, (heat_image(),), plan=PlanArea((11.0, 10.0), 0.0011812, 0.97828))


def test_a_plan_tells_its_size_its_cells_and_how_much_is_seen() -> None:
    assert plan_figures(plan_snapshot()) == {
        "plan": {"size_m": [11.0, 10.0], "cell_m2": 0.001181, "seen_ratio": 0.9783}
    }
    assert plan_figures(snapshot()) == {}


def test_every_figure_of_a_plan_has_its_unit_and_no_other_has() -> None:
    taken = plan_snapshot()
    figures = heat_figures(taken, taken.heats[0])
    zone = figures["zones"]["all"]  # type: ignore[index]
    assert "entries" not in zone and "active_s" not in zone
    named = {*figures, *zone, *plan_figures(taken)["plan"], "epoch"} - {"zones", "kind"}  # type: ignore[misc]
    assert set(units(taken)) == named


def test_a_plan_lies_on_the_disk_like_a_camera(tmp_path: Path) -> None:
    written: list[str] = []
    sink = DiskSink(
        tmp_path,
        timezone=UTC,
        keep_s=1e9,
        max_bytes=10**9,
        free_floor_bytes=0,
        on_written=lambda camera, outcome: written.append(f"{camera} {outcome}"),
        on_bytes=lambda size: None,
    )
    sink.handle(plan_snapshot())
    folder = tmp_path / "heatmaps" / "floor" / "hour"
    assert (folder / "latest.jpg").read_bytes() == (folder / "2026/11/21/120000Z.jpg").read_bytes() == b"picture"
    figures = json.loads((folder / "latest.json").read_bytes())
    assert (figures["camera"], figures["plan"]["size_m"]) == ("floor", [11.0, 10.0])
    assert written == ["floor ok"]


def test_a_plan_has_figures_of_its_own_and_is_no_camera_that_is_up() -> None:
    metrics = MetricsSink()
    metrics.add_plan("floor")

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"edgeheat_{name}", labels)

    assert value("plan_up", plan="floor") == 0
    assert value("heatmap_renders_total", camera="floor", outcome="failed") == 0
    metrics.handle(status("online", camera="floor"))
    metrics.handle(plan_snapshot())
    assert value("plan_up", plan="floor") == 1
    assert value("plan_seen_ratio", plan="floor") == pytest.approx(0.97828)
    assert value("heat_coverage_ratio", camera="floor", heat="hour") == pytest.approx(0.99)
    assert value("heatmap_last_success_timestamp_seconds", camera="floor") == NOON_S
    assert value("camera_up", camera="floor") is None
    metrics.handle(CameraStatus("floor", "offline", "a reason", "crashed", NOON_S))
    assert value("plan_up", plan="floor") == 0
    assert value("stream_reconnects_total", camera="floor", reason="crashed") is None
