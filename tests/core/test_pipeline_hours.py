"""Outside opening hours nothing is counted in heats and figures; the history gets it where the settings say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.pipeline_report import PipelineReport
from edgeheat.defs.hours import ClockRange, OpeningHours, Outside
from edgeheat.defs.params import HeatParams, PipelineParams
from tests.core import drawn
from tests.core.test_pipeline_tiles import TILE_S, open_tile, params, step, units, walk

CHANGE_MIN = 22 * 60 + 15
"""All scenes begin at 22:13:20 UTC, and this is 100 s later, at the end of a tile."""

UNTIL_THEN = ClockRange(9 * 60, CHANGE_MIN)
FROM_THEN = ClockRange(CHANGE_MIN, 24 * 60)
END_S = drawn.WALL_S + 120


def with_hours(hours: ClockRange, outside: Outside) -> PipelineParams:
    heats = (HeatParams("total", "total"), HeatParams("hour", "window", 3600.0))
    return replace(params(), hours=OpeningHours(((hours,),) * 7, {}, outside), heats=heats)


def counted(which: PipelineParams) -> tuple[CameraPipeline, PipelineReport]:
    pipeline = step(CameraPipeline(which), walk())
    pipeline.flush()
    return pipeline, pipeline.take_report()


def heat_ms(increments: tuple[Increment, ...]) -> int:
    return sum(int(each.traffic_ms.sum(dtype=np.int64)) for each in increments)


def total_ms(pipeline: CameraPipeline) -> int:
    grid = pipeline.heat("total", 120.0, END_S)
    assert grid is not None
    return round(1000 * float(grid.heat_s.sum(dtype=np.float64)))


@pytest.mark.parametrize(("hours", "open_s"), [(UNTIL_THEN, 100), (FROM_THEN, 20)])
def test_heats_and_figures_are_those_of_the_open_time_and_the_history_has_everything(
    hours: ClockRange, open_s: float
) -> None:
    pipeline, report = counted(with_hours(hours, "count"))
    before = tuple(each for each in report.increments if each.wall_s < TILE_S + 300)
    after = report.increments[len(before) :]
    is_open, is_closed = (before, after) if hours is UNTIL_THEN else (after, before)
    assert heat_ms(is_open) > 0 and heat_ms(is_closed) > 0
    # The total is one of presence: movement and dwell.
    dwell_ms = sum(int(e.dwell_ms.sum()) for e in is_open if e.dwell_ms is not None)
    assert total_ms(pipeline) == pytest.approx(heat_ms(is_open) + dwell_ms, abs=2)
    assert report.activity.observed_s == pytest.approx(open_s, abs=1)
    assert report.activity.observed_s * 1000 == pytest.approx(sum(e.observed_ms for e in is_open), abs=1)
    assert report.is_open == (hours is FROM_THEN)
    tiles = (*report.tiles, open_tile(pipeline))
    assert [tile.start_s for tile in tiles] == [TILE_S, TILE_S + 300]
    for tile, increments in zip(tiles, (before, after), strict=True):
        assert tile.observed_ms == sum(each.observed_ms for each in increments)
        assert units(tile).sum() > 100


def test_a_pause_counts_nothing_anywhere() -> None:
    """As in the half minute before opening, in which the background is learned."""
    pipeline, report = counted(with_hours(FROM_THEN, "pause"))
    assert min(each.wall_s for each in report.increments) >= TILE_S + 300
    assert report.activity.observed_s == pytest.approx(20, abs=1)
    assert report.tiles == ()
    assert open_tile(pipeline).start_s == TILE_S + 300


def test_a_pause_loses_nothing_of_the_last_second() -> None:
    pipeline, report = counted(with_hours(UNTIL_THEN, "pause"))
    always_open, whole = counted(replace(params(), heats=pipeline.params.heats))
    open_s = sum(each.observed_ms for each in report.increments) / 1000
    before = [each for each in whole.increments if each.wall_s < TILE_S + 300]
    assert open_s == pytest.approx(100, abs=0.21)
    assert open_s >= sum(each.observed_ms for each in before) / 1000
    assert total_ms(always_open) > total_ms(pipeline) > 0


@pytest.mark.parametrize("hours", [UNTIL_THEN, FROM_THEN])
def test_a_worker_that_is_replaced_has_the_same_heats(hours: ClockRange) -> None:
    first, second = CameraPipeline(with_hours(hours, "count")), CameraPipeline(with_hours(hours, "count"))
    step(first, walk()[:100])
    saved = first.save()
    step(first, walk()[100:])
    first.flush()
    increments = [Increment.unpack(each.pack()) for each in first.take_report().increments]
    second.restore(saved, increments, 0.0)
    assert total_ms(second) == total_ms(first)


def test_rejected_time_is_not_reported_outside_opening_hours() -> None:
    pipeline = step(CameraPipeline(with_hours(UNTIL_THEN, "count")), walk()[:-1])
    pipeline.take_report()
    pipeline._rejections.add_frame("unhealthy", 1.0)
    step(pipeline, walk()[-1:])
    assert not pipeline.take_report().rejected.frames_s


def test_coverage_refers_to_opening_hours() -> None:
    opened, _ = counted(with_hours(FROM_THEN, "count"))
    grid = opened.heat("hour", 120.0, END_S)
    assert grid is not None
    assert (grid.period_s, grid.open_ratio * 3600) == (3600.0, pytest.approx(20.0))
    assert grid.coverage == pytest.approx(1.0, abs=0.05)
    snapshot = opened.snapshot(120.0, END_S)
    assert snapshot is not None
    (hour,) = (heat for heat in snapshot.heats if heat.heat == "hour")
    assert (hour.open_ratio, hour.coverage) == (grid.open_ratio, grid.coverage)
