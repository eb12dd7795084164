"""Polygons become cells, masks remove cells, and a zone is identified by its name and polygon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeheat.core.grid.zones import ZoneMasks, blackout_mask, polygon_mask
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
def test_masks_remove_cells_of_zones_up_to_all_of_them(kind: ZoneKind) -> None:
    mask = zone("mask", 0, 0, 0.6, 1, kind=kind)
    zones = ZoneMasks.from_params((LEFT, WHOLE, mask), GRID_WH)
    assert not zones.named["left"].any()
    assert 0 < np.count_nonzero(zones.named["whole"]) < 400
    assert zones.named.keys() == zones.weights.keys() == {"all", "left", "whole"}
    assert len(zones.keys) == 3


def test_the_zones_of_a_fully_masked_picture_have_no_cells() -> None:
    zones = ZoneMasks.from_params((LEFT, replace(WHOLE, name="off", kind="privacy")), GRID_WH)
    assert not any(cells.any() for cells in zones.named.values())


@pytest.mark.parametrize(
    ("what", "polygon"),
    [
        ("between the centres of two cells", ((0.501, 0.501), (0.509, 0.501), (0.505, 0.509))),
        ("self-intersecting", ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9))),
        ("larger than the picture", ((-1.0, -1.0), (2.0, -1.0), (2.0, 2.0), (-1.0, 2.0))),
        ("flat", ((0.1, 0.5), (0.9, 0.5), (0.5, 0.5))),
    ],
)
@pytest.mark.parametrize("grid_wh", [(1, 1), (1, 30), (40, 20)])
def test_any_polygon_gives_a_mask(what: str, polygon: tuple[Point, ...], grid_wh: tuple[int, int]) -> None:
    zones = ZoneMasks.from_params((ZoneParams("odd", "zone", polygon),), grid_wh)
    assert zones.named["odd"].shape == grid_wh[::-1], what


def test_the_key_depends_on_name_and_polygon_but_not_on_the_weight() -> None:
    (whole, key), *others = (
        ZoneMasks.from_params((variant,), GRID_WH).keys
        for variant in (LEFT, replace(LEFT, weight=7.0), replace(LEFT, name="door"), zone("left", 0, 0, 0.5, 0.9))
    )
    assert [keys[0] for keys in others] == [whole] * 3, "the whole picture keeps its key"
    assert [keys[1] == key for keys in others] == [True, False, False]


def test_keys_are_the_same_in_every_process() -> None:
    assert ZoneMasks.from_params((LEFT,), GRID_WH).keys == (6163195194651585558, 12587769044981231755)


def test_cells_outside_the_include_zones_do_not_count() -> None:
    include = (zone("a", 0, 0, 0.25, 1, kind="include"), zone("b", 0.75, 0, 1, 1, kind="include"))
    counted = ZoneMasks.from_params((*include, LEFT), GRID_WH)
    assert counted.counted[10, [0, 9, 20, 30, 39]].tolist() == [255, 255, 0, 255, 255]
    assert counted.named["left"].any() and not counted.named["left"][:, 11:].any()


def test_a_polygon_covers_the_pixels_whose_centre_is_at_most_half_a_pixel_outside() -> None:
    line = polygon_mask(((0.55, 0.0), (0.55, 1.0), (0.55, 1.0)), (10, 4))
    assert np.flatnonzero(line.any(axis=0)).tolist() == [5]
    # Centres lie at 0.05, 0.15, …: inside are those of columns 2 to 6; half a pixel outside is 0.05.
    columns = [
        np.flatnonzero(polygon_mask(((left, 0), (0.69, 0), (0.69, 1), (left, 1)), (10, 4)).any(axis=0)).tolist()
        for left in (0.19, 0.21)
    ]
    assert columns == [[1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6]]


def test_privacy_zones_black_out_one_pixel_more_on_each_side() -> None:
    corners = ((0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5))
    private = ZoneParams("staff", "privacy", corners)
    blackout = blackout_mask((LEFT, private), (40, 40))
    assert blackout is not None
    inside = np.argwhere(polygon_mask(corners, (40, 40)))
    covered = np.argwhere(blackout)
    assert (covered.min(axis=0) == inside.min(axis=0) - 1).all()
    assert (covered.max(axis=0) == inside.max(axis=0) + 1).all()
    assert blackout_mask((LEFT, WHOLE), (40, 40)) is None
