"""Zones are outlined and named on a picture, and masks are not."""

from __future__ import annotations

import numpy as np

from edgeheat.core.render.outlines import draw_outlines
from edgeheat.defs.params import ZoneParams

LEFT = ((0.1, 0.3), (0.4, 0.3), (0.4, 0.9), (0.1, 0.9))


def drawn(*zones: ZoneParams, size_wh: tuple[int, int] = (640, 360)) -> np.ndarray:
    picture = np.full((size_wh[1], size_wh[0], 3), 100, np.uint8)
    draw_outlines(picture, zones)
    return picture


def test_a_zone_has_an_outline_and_its_name_on_a_dark_panel() -> None:
    picture = drawn(ZoneParams("till", "zone", LEFT))
    assert (picture[200, 63:66].max(axis=0) > 150).all(), "the left edge"
    panel = picture[110:140, 66:120]
    assert panel.min() < 50 and panel.max() > 200, "white letters on a dark panel"
    assert (picture[250:300, 100:200] == 100).all() and (picture[:, 300:] == 100).all()


def test_masks_are_not_drawn() -> None:
    for kind in ("include", "ignore", "privacy"):
        assert (drawn(ZoneParams("mask", kind, LEFT)) == 100).all()


def test_a_name_that_does_not_fit_is_omitted() -> None:
    picture = drawn(ZoneParams("a-name-that-is-rather-long", "zone", LEFT), size_wh=(64, 36))
    assert picture.min() >= 99, "no panel"


def test_a_name_at_the_upper_edge_stands_below_the_title() -> None:
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    picture = drawn(ZoneParams("all-of-it", "zone", whole))
    assert (picture[3:46, 3:-3] == 100).all() and picture[46:80].min() < 50
