"""The pipeline makes tiles of what it counts, once each, and closes them where an epoch ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.grid.frames import Frame
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.core.heat.tile import TileSum
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.pipeline_state import StoredTiles
from edgeheat.defs.history import Level, Tile
from edgeheat.defs.params import HeatParams, PipelineParams, ZoneParams
from tests.core import drawn
from tests.core.drawn import Look

TILE_S = 1_699_999_800
"""Start of the tile in which all scenes begin: 100 s before its end at `drawn.WALL_S` + 100."""

UNIT_MS = Level.FIVE_MINUTES.unit_ms
LEFT = ZoneParams("left", "zone", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))


def params(**motion: Any) -> PipelineParams:
    return replace(drawn.params(**motion), history=True, zones=(LEFT,))


@cache
def walk() -> tuple[Frame, ...]:
    """Two minutes of a person who walks; a tile ends after 100 s."""
    return tuple(drawn.room().frames(lambda at_s: Look((drawn.walker(at_s),)), 120))


def step(pipeline: CameraPipeline, frames: Iterable[Frame]) -> CameraPipeline:
    for frame in frames:
        pipeline.step(frame)
    return pipeline


@cache
def saved_after(seconds: float) -> bytes:
    saved = step(CameraPipeline(params()), walk()[: round(5 * seconds)]).save()
    assert saved is not None
    return saved


def units(tile: Tile, layer: str = "traffic") -> NDArray[np.int64]:
    total = TileSum(tile.grid_wh[::-1])
    total.add(getattr(tile, layer))
    return total.result_units()


def open_tile(pipeline: CameraPipeline) -> Tile:
    """Close the open tile, as if hours had passed."""
    pipeline.close_tile_if_due(drawn.WALL_S + 7200)
    (tile,) = pipeline.take_tiles()
    return tile


def test_a_tile_holds_what_the_increments_of_its_time_hold() -> None:
    assert drawn.WALL_S - TILE_S == 200
    report = step(CameraPipeline(params()), walk()).take_report()
    (tile,) = report.tiles
    own = [each for each in report.increments if each.wall_s < TILE_S + 300]
    traffic_ms = sum(each.traffic_ms.astype(np.int64) for each in own)
    np.testing.assert_array_equal(units(tile), traffic_ms // UNIT_MS)
    assert units(tile).sum() > 1000
    assert (tile.start_s, tile.camera, tile.epoch, tile.grid_wh) == (TILE_S, drawn.params().camera, 1, (160, 90))
    assert tile.observed_ms == sum(each.observed_ms for each in own) == pytest.approx(99_000, abs=2000)
    assert [zone.name for zone in tile.zones] == ["all", "left"]
    assert tile.zones[1].traffic_cell_ms == sum(each.zone_counters[1, 3] for each in own) > 0


def test_each_tile_is_reported_once() -> None:
    pipeline = step(CameraPipeline(params()), walk())
    assert len(pipeline.take_report().tiles) == 1
    assert (pipeline.take_report().tiles, pipeline.take_tiles()) == ((), ())


def test_without_history_there_are_no_tiles_and_nothing_of_them_is_saved() -> None:
    pipeline = step(CameraPipeline(replace(params(), history=False)), walk())
    pipeline.close_tile_if_due(drawn.WALL_S + 7200)
    assert pipeline.take_report().tiles == ()
    saved = pipeline.save()
    assert saved is not None
    assert not [name for name in unpack(saved)[1] if "tile" in name]


@pytest.mark.parametrize("saved_after_s", [30.0, 99.0, 110.0])
def test_a_worker_that_is_replaced_makes_the_same_tiles_again(saved_after_s: float) -> None:
    """Its successor restores the state, replays the increments since, and goes on."""
    first, second = CameraPipeline(params()), CameraPipeline(params())
    until = round(5 * saved_after_s)
    step(first, walk()[:until])
    saved, before = first.save(), first.take_tiles()
    step(first, walk()[until:])
    report = first.take_report()
    second.restore(saved, [Increment.unpack(each.pack()) for each in report.increments], 5.0)
    assert second.take_tiles() == report.tiles
    assert len(before + report.tiles) == 1
    assert open_tile(second) == open_tile(first)


def test_a_state_of_a_version_without_history_starts_the_open_tile_empty() -> None:
    earlier = step(CameraPipeline(replace(params(), history=False)), walk()[:150]).save()
    pipeline = CameraPipeline(params())
    assert pipeline.restore(earlier, [], 0.0) == []
    step(pipeline, walk()[150:])
    (tile,) = pipeline.take_tiles()
    assert tile.observed_ms == pytest.approx(70_000, abs=3000)


def test_an_open_tile_that_cannot_be_read_costs_no_heat(caplog: pytest.LogCaptureFixture) -> None:
    meta, arrays = unpack(saved_after(60.0))
    (name,) = [name for name in arrays if name.endswith("tile_description")]
    pipeline = CameraPipeline(params())
    pipeline.restore(pack(meta, {**arrays, name: np.zeros(3, np.uint8)}), [], 0.0)
    heat = pipeline.heat("traffic", 60.0, drawn.WALL_S + 60)
    assert heat is not None and heat.heat_s.any()
    assert "are missing in its history" in caplog.text


def test_a_moved_camera_closes_the_tile_of_its_epoch_completely() -> None:
    pipeline = CameraPipeline(params())
    increments: list[Increment] = []
    for frame in drawn.bumped(120, 40.0):
        pipeline.step(frame)
        report = pipeline.take_report()
        increments += report.increments
        if report.tiles:
            break
    (tile,) = report.tiles
    assert (tile.start_s, tile.epoch, pipeline.epoch) == (TILE_S, 1, 2)
    assert tile.observed_ms == pytest.approx(1000 * (frame.mono_s - 0.2), abs=400), "with the unfinished second"


def test_a_change_of_feet_closes_the_tile_of_whole_bodies() -> None:
    pipeline = CameraPipeline(params(feet=True))
    pipeline.restore(saved_after(60.0), [], 0.0)
    (tile,) = pipeline.take_tiles()
    same = CameraPipeline(params())
    same.restore(saved_after(60.0), [], 0.0)
    assert (tile.epoch, pipeline.epoch) == (1, 2)
    assert np.abs(units(tile) - units(open_tile(same))).max() <= 1, "the carry is rounded"
    step(pipeline, walk()[300:400])
    assert open_tile(pipeline).epoch == 2


def test_another_grid_starts_an_epoch() -> None:
    pipeline = CameraPipeline(params(grid_width=80))
    pipeline.restore(saved_after(60.0), [], 0.0)
    step(pipeline, walk()[300:450])
    (tile,) = pipeline.take_tiles()
    later = open_tile(pipeline)
    assert [(each.epoch, each.grid_wh) for each in (tile, later)] == [(1, (160, 90)), (2, (80, 45))]


def test_heats_that_are_reset_leave_the_history_as_it_is() -> None:
    pipeline = step(CameraPipeline(params()), walk()[:300])
    pipeline.reset(flicker=False, moved=False, heat=True)
    assert open_tile(pipeline).observed_ms == pytest.approx(59_000, abs=2000)


def set_after(frames: Iterable[Frame], at_s: float, by_s: float) -> Iterable[Frame]:
    """The same frames, of a machine whose clock is set after some seconds."""
    return (replace(frame, wall_s=frame.wall_s + by_s * (frame.mono_s >= at_s)) for frame in frames)


def with_wrong_clock(params: PipelineParams) -> CameraPipeline:
    pipeline = CameraPipeline(params)
    pipeline.wall_clock.wrong_offset_s = walk()[0].wall_s - walk()[0].mono_s
    return pipeline


def test_what_a_wrong_clock_dated_is_marked_until_it_is_set() -> None:
    pipeline = step(with_wrong_clock(params()), set_after(walk()[:450], 60.0, 86_400.0))
    (before,) = pipeline.take_tiles()
    after = open_tile_a_day_later(pipeline)
    assert [(tile.start_s, tile.clock_synced) for tile in (before, after)] == [
        (TILE_S, False),
        (TILE_S + 86_400, True),
    ]
    assert before.observed_ms + after.observed_ms == pytest.approx(89_000, abs=2000)


def open_tile_a_day_later(pipeline: CameraPipeline) -> Tile:
    pipeline.close_tile_if_due(drawn.WALL_S + 86_400 + 7200)
    (tile,) = pipeline.take_tiles()
    return tile


def test_frames_that_wait_while_the_clock_is_set_keep_the_mark_of_their_own_time() -> None:
    """A Raspberry Pi gets the time from the network while its cameras are learning their backgrounds."""
    pipeline = with_wrong_clock(params(bootstrap_s=20.0))
    step(pipeline, set_after(walk()[:400], 10.0, 86_400.0))
    (before,) = pipeline.take_tiles()
    assert (before.start_s, before.clock_synced) == (TILE_S, False)
    assert before.observed_ms == pytest.approx(10_000, abs=1500)
    assert open_tile_a_day_later(pipeline).clock_synced is True


def test_a_clock_that_turns_out_to_have_been_right_marks_no_more_tiles() -> None:
    pipeline = step(with_wrong_clock(params()), walk()[:450])
    pipeline.wall_clock.wrong_offset_s = None
    step(pipeline, walk()[450:])
    (before,) = pipeline.take_tiles()
    assert (before.clock_synced, open_tile(pipeline).clock_synced) == (False, True)


def test_epochs_start_above_those_that_are_stored() -> None:
    later = replace(params(), first_epoch=7)
    assert CameraPipeline(later).epoch == 7
    assert open_tile(step(CameraPipeline(later), walk()[:300])).epoch == 7
    restored = CameraPipeline(later)
    restored.restore(saved_after(60.0), [], 0.0)
    assert restored.epoch == 1, "what goes on where it was keeps its epoch"
    moved = CameraPipeline(replace(later, motion=replace(later.motion, feet=True)))
    moved.restore(saved_after(60.0), [], 0.0)
    assert moved.epoch == 7


def test_rejected_time_is_in_the_tile_by_reason() -> None:
    dark = (replace(frame, luma=np.zeros_like(frame.luma)) for frame in walk()[200:400])
    pipeline = step(step(CameraPipeline(params()), walk()[:200]), dark)
    pipeline.flush()
    report = pipeline.take_report()
    tile = open_tile(pipeline)
    rejected_ms = {reason: round(1000 * seconds) for reason, seconds in report.rejected.frames_s.items()}
    assert sum(rejected_ms.values()) > 30_000
    assert dict(tile.rejected_ms) == pytest.approx(rejected_ms, abs=5)
    assert tile.observed_ms + sum(tile.rejected_ms.values()) == pytest.approx(79_800, abs=400)


def test_a_tile_stays_open_while_frames_wait_that_belong_to_it() -> None:
    pipeline = step(CameraPipeline(params()), walk()[:30])
    assert pipeline.has_waiting_frames
    pipeline.close_tile_if_due(drawn.WALL_S + 7200)
    pipeline.flush()
    assert open_tile(pipeline).observed_ms > 5000


def total_s(pipeline: CameraPipeline) -> NDArray[np.float64]:
    last = walk()[-1]
    grid = pipeline.heat("total", last.mono_s, last.wall_s)
    assert grid is not None
    return grid.heat_s.astype(np.float64)


def with_total() -> PipelineParams:
    return replace(params(), heats=(HeatParams("total", "total"), HeatParams("recent", "window", 60.0)))


@pytest.mark.parametrize("saved_after_s", [30, 99, 110])
def test_heats_that_are_older_than_the_stored_tiles_continue_with_these(saved_after_s: int) -> None:
    until_s = 119
    whole = step(CameraPipeline(with_total()), walk()[: 5 * until_s])
    whole.flush()
    whole.close_tile_if_due(walk()[-1].wall_s + 1000)
    tiles = whole.take_report().tiles
    assert len(tiles) == 2
    saved = step(CameraPipeline(with_total()), walk()[: 5 * saved_after_s]).save()
    restored = CameraPipeline(with_total())
    shift_s = walk()[0].mono_s - walk()[0].wall_s
    restored.restore(saved, [], 0.0, StoredTiles(tiles, shift_s))
    error_s = total_s(restored) - total_s(whole)
    # A unit for each tile; the second that was not complete when the state was saved is in the tiles.
    assert np.abs(error_s).max() <= 2 * UNIT_MS / 1000 + 1e-6
    recent = restored.heat("recent", walk()[-1].mono_s + 100, walk()[-1].wall_s + 100)
    assert recent is not None and recent.heat_s.max() < total_s(whole).max() / 2, "it is a window of the last minute"
    again = CameraPipeline(with_total())
    again.restore(restored.save(), [], 0.0, StoredTiles(tiles, shift_s))
    np.testing.assert_array_equal(total_s(again), total_s(restored))


def test_stored_tiles_of_another_epoch_or_damaged_ones_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = step(CameraPipeline(with_total()), walk()[: 5 * 119])
    tiles = pipeline.take_report().tiles
    saved = step(CameraPipeline(with_total()), walk()[: 5 * 30]).save()
    plain = CameraPipeline(with_total())
    plain.restore(saved, [], 0.0)
    for tile in (replace(tiles[0], epoch=2), replace(tiles[0], traffic=b"\x01x"), replace(tiles[0], grid_wh=(2, 2))):
        restored = CameraPipeline(with_total())
        restored.restore(saved, [], 0.0, StoredTiles([tile]))
        np.testing.assert_array_equal(total_s(restored), total_s(plain))
    assert caplog.text.count("its heats miss the minutes") == 2


def test_the_last_tile_of_a_recording_is_rounded_because_nothing_continues_it() -> None:
    slower = (replace(frame, mono_s=frame.mono_s * 1.05) for frame in walk())  # 210 ms are no whole units
    pipeline = step(CameraPipeline(params()), slower)
    pipeline.flush()
    report = pipeline.take_report()
    traffic_ms = sum(each.traffic_ms.astype(np.int64) for each in report.increments)
    tiles = (*report.tiles, *pipeline.take_tiles(is_last=True))
    assert [tile.start_s for tile in tiles] == [TILE_S, TILE_S + 300]
    np.testing.assert_array_equal(sum(units(tile) for tile in tiles), (traffic_ms + UNIT_MS // 2) // UNIT_MS)
    assert pipeline.take_tiles(is_last=True) == ()
