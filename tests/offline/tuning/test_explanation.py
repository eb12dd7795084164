"""How cells are classified, and how the classes are drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.foreground.stationary import Confirmed
from edgeheat.core.grid.frames import U8
from edgeheat.offline.tuning.explanation import (
    CELL_CLASSES,
    CODES,
    COLOURS_BGR,
    LABELS,
    CellClass,
    class_codes,
    draw_legend,
    draw_pair,
    draw_sheet,
    fitted_wh,
)

SHAPE_HW = (18, 32)


def columns(*numbers: int) -> U8:
    """A mask of whole columns of the grid."""
    mask = np.zeros(SHAPE_HW, np.uint8)
    mask[:, list(numbers)] = 255
    return mask


def shows(picture: U8, cell_class: CellClass) -> bool:
    """Whether the pure colour of a class occurs."""
    return bool(np.any(np.all(picture == COLOURS_BGR[cell_class], axis=2)))


def test_each_cell_gets_the_code_of_its_part() -> None:
    rejected = {"shadow": columns(1), "speck": columns(2), "flicker": columns(3)}
    detection = Detection(columns(5, 6), columns(6), Confirmed(), columns(5, 6), None, rejected)  # type: ignore[arg-type]
    codes = class_codes(detection, np.full(SHAPE_HW, 255, np.uint8))
    names = {code: cell_class for cell_class, code in CODES.items()}
    assert [names.get(int(code), "") for code in codes[0, :8]] == [
        "", "shadow", "speck", "flicker", "", "staying", "traffic", ""
    ]  # fmt: skip
    assert (codes == codes[0]).all()


def test_every_part_outside_the_zones_is_masked_and_the_background_is_not() -> None:
    detection = Detection(columns(5, 6), columns(6), Confirmed(), columns(5, 6), None, {"shadow": columns(1)})
    counted = np.full(SHAPE_HW, 255, np.uint8)
    counted[9:] = 0
    codes = class_codes(detection, counted)
    assert set(codes[9:, [1, 5, 6]].ravel()) == {CODES["masked"]}
    assert set(codes[9:, 10:].ravel()) == {0}
    assert set(codes[:9, 6]) == {CODES["traffic"]}


def test_all_parts_have_their_own_code_colour_and_label() -> None:
    assert set(CELL_CLASSES) == set(CODES) == set(COLOURS_BGR) == set(LABELS)
    for values in (CODES.values(), COLOURS_BGR.values(), LABELS.values()):
        assert len(set(values)) == len(CELL_CLASSES)
    assert 0 not in CODES.values()
    assert max(len(label) for label in LABELS.values()) <= 24, "the table has 24 columns for them"


def test_a_pair_shows_the_frame_unchanged_and_beside_it_the_parts_over_grey() -> None:
    picture = np.full((90, 160, 3), (40, 90, 200), np.uint8)
    codes = np.zeros(SHAPE_HW, np.uint8)
    codes[:, :16] = CODES["traffic"]
    pair = draw_pair(picture, codes, "0:01.0")
    assert pair.shape == (90 + 24, 2 * 160, 3)
    assert np.array_equal(pair[:90, :160], picture)
    part, background = pair[:90, 160:240], pair[:90, 241:]
    grey = int(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[0, 0])
    expected = 0.25 * grey + 0.75 * np.array(COLOURS_BGR["traffic"])
    assert np.abs(part - expected).max() <= 1
    assert np.ptp(background, axis=2).max() == 0
    assert background.mean() == pytest.approx(grey / 2, abs=1)
    assert pair[90:].max() > 200, "the label is drawn below"


def test_a_rejected_frame_has_a_red_border_and_a_banner_on_its_right_half() -> None:
    picture = np.full((90, 320, 3), 100, np.uint8)
    nothing = np.zeros(SHAPE_HW, np.uint8)
    plain, rejected = draw_pair(picture, nothing, ""), draw_pair(picture, nothing, "", "not counted")
    assert not shows(plain, "discarded") and shows(rejected, "discarded")
    assert np.array_equal(plain[:, :320], rejected[:, :320])
    assert rejected[35:55, 330:630].max() > 200, "the reason is written there"


def test_a_legend_shows_colours_for_parts_only_and_wraps_to_its_width() -> None:
    entries: list[tuple[CellClass | None, str]] = [(cell_class, LABELS[cell_class]) for cell_class in CELL_CLASSES]
    wide, narrow = draw_legend("title", entries, 1600), draw_legend("title", entries, 300)
    assert wide.shape == (2 * 24 + 8, 1600, 3)
    assert narrow.shape[1] == 300 and narrow.shape[0] > 4 * 24
    assert all(shows(legend, cell_class) for legend in (wide, narrow) for cell_class in CELL_CLASSES)
    text_only = draw_legend("", [(None, "not counted")], 300)
    assert text_only.shape == (24 + 8, 300, 3)
    assert (text_only == text_only[..., :1]).all(), "no colour, only grey text"


def test_a_sheet_has_the_pairs_in_rows_below_the_legend() -> None:
    legend = np.full((10, 70, 3), 9, np.uint8)
    pairs = [np.full((20, 40, 3), 50 * number, np.uint8) for number in range(1, 4)]
    sheet = draw_sheet(legend, pairs, columns=2)
    assert sheet.shape == (10 + 2 * 20, 2 * 40 + 8, 3)
    assert (sheet[:10, :70] == 9).all()
    assert (sheet[10:30, :40] == 50).all() and (sheet[10:30, 48:] == 100).all() and (sheet[30:, :40] == 150).all()
    assert set(sheet[30:, 40:].ravel()) == {24}


@given(
    frame_wh=st.tuples(st.integers(16, 4000), st.integers(16, 4000)),
    limit_wh=st.tuples(st.integers(64, 640), st.integers(64, 640)),
)
def test_a_fitted_size_is_even_within_the_limit_and_has_the_frames_aspect_ratio(
    frame_wh: tuple[int, int], limit_wh: tuple[int, int]
) -> None:
    width, height = fitted_wh(frame_wh, limit_wh)
    assert width % 2 == height % 2 == 0
    assert 2 <= width <= limit_wh[0] and 2 <= height <= limit_wh[1]
    scale = min(limit_wh[0] / frame_wh[0], limit_wh[1] / frame_wh[1])
    assert (width, height) == pytest.approx((frame_wh[0] * scale, frame_wh[1] * scale), abs=2.001)
