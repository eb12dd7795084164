"""A snapshot has a picture and the zone statistics of every heat at one instant."""

from __future__ import annotations

from datetime import UTC
from typing import Literal

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.render.snapshot import take_snapshot
from edgeheat.defs.params import HeatParams, PipelineParams, Style, ZoneParams
from tests.core.counting import LEFT, SHAPE, TOP, WALL, increment

HEATS = (
    HeatParams("ever", "total"),
    HeatParams("moved", "total", measure="traffic"),
    HeatParams("stayed", "decaying", 60.0, measure="dwell"),
)
RIGHT = ZoneParams("right", "zone", ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0)), weight=9.0)


def test_a_snapshot_shows_each_heat_with_its_measure_and_its_zones() -> None:
    params = PipelineParams("aisle", UTC, heats=HEATS, zones=(RIGHT, LEFT, TOP), style=Style(format="png"))
    heats = HeatSet(HEATS, ZoneMasks.from_params(params.zones, SHAPE[::-1]), UTC)
    heats.add(increment(10.0, 1000, 3000, observed_ms=4000, zones=heats.zones))
    snapshot = take_snapshot(params, heats, background=None, size_wh=(320, 240), mono_s=70.0, wall_s=WALL + 70, epoch=4)
    assert (snapshot.camera, snapshot.wall_s, snapshot.epoch) == ("aisle", WALL + 70, 4)
    assert [(heat.heat, heat.kind, heat.measure) for heat in snapshot.heats] == [
        ("ever", "total", "presence"),
        ("moved", "total", "traffic"),
        ("stayed", "decaying", "dwell"),
    ]
    assert [heat.scale_max_s for heat in snapshot.heats] == [4.0, 1.0, 1.5]
    for image in snapshot.heats:
        assert [zone.zone for zone in image.zones] == ["all", "right", "left", "top"]
        assert [zone.rank for zone in image.zones] == [None, 3, 1, 2]
        decayed = 0.5 if image.kind == "decaying" else 1.0
        left = image.zones[2]
        assert left.cell_seconds == pytest.approx(image.scale_max_s)
        assert (left.traffic_cell_s, left.dwell_cell_s) == (1.0 * decayed, 3.0 * decayed)
        assert (left.active_s, left.active_ratio, left.entries) == (4.0 * decayed, 1.0, decayed)
        picture = cv2.imdecode(np.frombuffer(image.image, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (240, 320, 3)


@pytest.mark.parametrize("kind", ["privacy", "ignore"])
def test_heat_counted_before_a_mask_was_configured_is_neither_drawn_nor_sets_the_scale(
    kind: Literal["privacy", "ignore"],
) -> None:
    before = HeatSet(HEATS, ZoneMasks.from_params((), SHAPE[::-1]), UTC)
    before.add(increment(10.0, 1000, 3000, observed_ms=4000, zones=before.zones))
    mask = ZoneParams("hidden", kind, ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    params = PipelineParams("aisle", UTC, heats=HEATS, zones=(mask,), style=Style(format="png", legend=False))
    after = HeatSet(HEATS, ZoneMasks.from_params(params.zones, SHAPE[::-1]), UTC)
    heat_file.restore(after, heat_file.save(before, {}), 0.0)
    assert after.read("ever", 70.0, WALL + 70).heat_s.max() > 0
    snapshot = take_snapshot(params, after, background=None, size_wh=(320, 240), mono_s=70.0, wall_s=WALL + 70)
    never = HeatSet(HEATS, after.zones, UTC)
    empty = take_snapshot(params, never, background=None, size_wh=(320, 240), mono_s=70.0, wall_s=WALL + 70)
    for image, nothing in zip(snapshot.heats, empty.heats, strict=True):
        assert image.scale_max_s == 0
        pictures = [cv2.imdecode(np.frombuffer(heat.image, np.uint8), cv2.IMREAD_COLOR) for heat in (image, nothing)]
        # Below the title, whose coverage differs.
        assert np.array_equal(*[picture[60:] for picture in pictures if picture is not None])
