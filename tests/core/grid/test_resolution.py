"""A lasting change of the picture's resolution or shape is noticed, a single odd picture is not used."""

from __future__ import annotations

import pytest

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.grid.resolution import ResolutionMonitor

GRID_WH = (320, 180)


def results(*sizes: SizeWH, first_wh: SizeWH = (1280, 720)) -> list[str]:
    """The results for pictures of these sizes, half a second apart."""
    monitor = ResolutionMonitor("door", first_wh, GRID_WH)
    return [monitor.update(picture_wh, number / 2) for number, picture_wh in enumerate(sizes)]


@pytest.mark.parametrize("picture_wh", [(1920, 1080), (640, 360), (320, 180), (300, 169)])
def test_sizes_with_a_pixel_per_cell_are_the_same(picture_wh: SizeWH) -> None:
    assert results(picture_wh, picture_wh, picture_wh, (1280, 720)) == ["same"] * 4


@pytest.mark.parametrize("picture_wh", [(160, 90), (640, 480), (360, 640)])
def test_a_change_counts_once_it_has_lasted_a_second(picture_wh: SizeWH) -> None:
    assert results(*[picture_wh] * 5) == ["unsettled", "unsettled", "changed", "same", "same"]
    assert results(*[(1280, 720)] * 3, first_wh=picture_wh) == ["unsettled", "unsettled", "changed"]


def test_single_odd_pictures_are_unsettled_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert results((640, 480), (1280, 720), (160, 90), (1280, 720)) == ["unsettled", "same"] * 2
    assert len(caplog.messages) == 2


def test_each_size_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    results(*([(640, 480)] * 4 + [(1280, 720)] * 4) * 3, *[(160, 90)] * 3)
    assert caplog.messages == [
        "door: the picture has 640x480 pixels now, before 1280x720: it is used once that has lasted for 1 s, and its "
        "background is learned again; it is fitted between black bars, not stretched, and nothing counts there",
        "door: the picture has 160x90 pixels now, before 1280x720: it is used once that has lasted for 1 s, and its "
        "background is learned again; people far away may be missed, because the grid has 320 cells a row",
    ]
