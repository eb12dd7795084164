"""Pictures of another shape are fitted onto a canvas and never stretched."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.letterbox import covered, fitted_colour, size_wh


def _white(picture_wh: SizeWH) -> Frame:
    def colour(canvas_wh: SizeWH) -> U8:
        return np.full((canvas_wh[1], canvas_wh[0], 3), 255, np.uint8)

    return Frame(np.zeros(picture_wh[::-1], np.uint8), 0.0, 0.0, colour)


@pytest.mark.parametrize(
    ("picture_wh", "canvas_wh", "area"),
    [
        ((1920, 1080), (320, 180), None),
        ((1920, 1088), (320, 180), None),
        ((641, 363), (320, 180), None),
        ((96, 54), (320, 180), None),
        ((7, 4), (32, 18), None),
        ((640, 480), (320, 180), (slice(0, 180), slice(40, 280))),
        ((1920, 1080), (320, 240), (slice(30, 210), slice(0, 320))),
        ((180, 320), (320, 180), (slice(0, 180), slice(109, 210))),
        ((1, 500), (320, 180), (slice(0, 180), slice(159, 160))),
    ],
)
def test_a_picture_covers_the_middle_of_a_canvas(
    picture_wh: SizeWH, canvas_wh: SizeWH, area: tuple[slice, slice] | None
) -> None:
    assert covered(picture_wh, canvas_wh) == area
    if area is not None and min(picture_wh) > 1:
        width, height = size_wh(area)
        assert width / height == pytest.approx(picture_wh[0] / picture_wh[1], rel=0.01)


def test_what_a_picture_does_not_cover_is_black() -> None:
    picture = fitted_colour(_white((640, 480)), (320, 180))
    assert picture.shape == (180, 320, 3)
    assert (picture[:, 40:280] == 255).all()
    assert not picture[:, :40].any() and not picture[:, 280:].any()
    assert (fitted_colour(_white((640, 360)), (320, 180)) == 255).all()
