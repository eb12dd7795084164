"""Polygons become cells, masks take cells away, and a zone is known again by its name and polygon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.zone_counters import Counter, aligned_counters
from edgeheat.defs.params import Point, ZoneKind, ZoneParams

GRID_WH = (40, 20)


def zone(name: str, *edges: float, kind: ZoneKind = "zone") -> ZoneParams:
    left, top, right, bottom = edges
    return ZoneParams(name, kind, ((left, top), (right, top), (right, bottom), (left, bottom)))


WHOLE = zone("whole", 0, 0, 1, 1)
LEFT = zone("left", 0, 0, 0.5, 1)


def test_overlapping_zones_each_have_all_their_cells() -> None:
    zones = ZoneMasks.from_params((WHOLE, LEFT, replace(LEFT, name="again")), GRID_WH)
    assert {name: int((cells > 0).sum()) for name, cells in zones.named.items()} == {
        "all": 800, "whole": 800, "left": 420, "again": 420,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["privacy", "ignore"])
def test_zones_lose_what_masks_take_away_even_everything(kind: ZoneKind) -> None:
    mask = zone("mask", 0, 0, 0.6, 1, kind=kind)
    zones = ZoneMasks.from_params((LEFT, WHOLE, mask), GRID_WH)
    assert not zones.named["left"].any()
    assert 0 < np.count_nonzero(zones.named["whole"]) < 400
    assert zones.named.keys() == zones.weights.keys() == {"all", "left", "whole"}
    assert len(zones.keys) == 3


def test_a_picture_that_is_masked_altogether_has_zones_without_cells() -> None:
    zones = ZoneMasks.from_params((LEFT, replace(WHOLE, name="off", kind="privacy")), GRID_WH)
    assert not any(cells.any() for cells in zones.named.values())


@pytest.mark.parametrize(
    ("what", "polygon"),
    [
        ("it lies between two cells' centres", ((0.501, 0.501), (0.509, 0.501), (0.505, 0.509))),
        ("it crosses itself", ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9))),
        ("it reaches beyond the picture", ((-1.0, -1.0), (2.0, -1.0), (2.0, 2.0), (-1.0, 2.0))),
        ("it is flat", ((0.1, 0.5), (0.9, 0.5), (0.5, 0.5))),
    ],
)
@pytest.mark.parametrize("grid_wh", [(1, 1), (1, 30), (40, 20)])
def test_no_polygon_is_too_odd(what: str, polygon: tuple[Point, ...], grid_wh: tuple[int, int]) -> None:
    zones = ZoneMasks.from_params((ZoneParams("odd", "zone", polygon),), grid_wh)
    assert zones.named["odd"].shape == grid_wh[::-1], what


def test_a_zone_is_the_same_with_another_weight_and_another_with_another_name_or_polygon() -> None:
    (whole, key), *others = (
        ZoneMasks.from_params((each,), GRID_WH).keys
        for each in (LEFT, replace(LEFT, weight=7.0), replace(LEFT, name="door"), zone("left", 0, 0, 0.5, 0.9))
    )
    assert [each[0] for each in others] == [whole] * 3, "the whole picture is what it was"
    assert [each[1] == key for each in others] == [True, False, False]


def test_what_zones_are_known_by_outlives_the_process() -> None:
    assert ZoneMasks.from_params((LEFT,), GRID_WH).keys == (6163195194651585558, 12587769044981231755)


def test_rows_move_to_the_place_of_their_zone() -> None:
    rows = np.arange(2 * 3 * len(Counter)).reshape(2, 3, len(Counter))
    moved = aligned_counters(rows, (7, 8, 9), (9, 5, 7))
    np.testing.assert_array_equal(moved[:, 0], rows[:, 2])
    np.testing.assert_array_equal(moved[:, 2], rows[:, 0])
    assert not moved[:, 1].any()
    assert moved.dtype == rows.dtype
    with pytest.raises(ValueError, match="zone rows: expected"):
        aligned_counters(rows, (7, 8), (9,))
