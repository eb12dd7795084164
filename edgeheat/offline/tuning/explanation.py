"""Draws how each cell of a frame was classified: counted or rejected, and why, each class in its own colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import cv2
import numpy as np

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.render.caption import to_ascii

CellClass = Literal["traffic", "staying", "discarded", "shadow", "speck", "flicker", "masked", "text"]
"""How a foreground cell was classified; `text`: background in which the camera writes its clock."""

Bgr = tuple[int, int, int]
"""Blue, green and red, 0..255."""

LegendEntry = tuple[CellClass | None, str]
"""The class whose colour is shown (None: text only), and its text."""

CELL_CLASSES: Final[tuple[CellClass, ...]] = (
    "traffic",
    "staying",
    "discarded",
    "shadow",
    "speck",
    "flicker",
    "masked",
    "text",
)
"""All classes, in the order of tables and legends."""

CODES: Final[dict[CellClass, int]] = {cell_class: code for code, cell_class in enumerate(CELL_CLASSES, start=1)}
"""The number of each class in an array of codes; 0 is the background."""

COLOURS_BGR: Final[dict[CellClass, Bgr]] = {
    "traffic": (80, 220, 60),
    "staying": (0, 215, 255),
    "discarded": (70, 70, 255),
    "shadow": (255, 130, 50),
    "speck": (255, 60, 230),
    "flicker": (240, 240, 40),
    "masked": (200, 200, 200),
    "text": (60, 130, 190),
}
"""The colour of each class; docs/tune.md lists them."""

LABELS: Final[dict[CellClass, str]] = {
    "traffic": "moves",
    "staying": "stays, or pending",
    "discarded": "pending, discarded",
    "shadow": "shadow or light",
    "speck": "too small or too brief",
    "flicker": "flicker mask",
    "masked": "outside the zones",
    "text": "camera's clock",
}
"""The name of each class for users; at most 24 characters."""

_DIMMED = 0.5
"""Brightness of the grey picture under the colours, relative to the frame."""

_OPACITY = 0.75
"""Opacity of the colours, 0..1."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
"""Font of all text."""

_FONT_SCALE = 0.45
"""Size of all text, as cv2 takes it."""

_TEXT_BGR: Bgr = (255, 255, 255)
"""Colour of all text."""

_PAPER_LEVEL = 24
"""Grey level behind text."""

_ROW_PX = 24
"""Height of a line of text."""

_SWATCH_PX = 14
"""Side of a legend's colour sample."""

_ENTRY_GAP_PX = 18
"""Distance between the entries of a legend."""

_COLUMN_GAP_PX = 8
"""Distance between the columns of a sheet."""

_COLOUR_TABLE = np.zeros((256, 1, 3), np.uint8)
"""The colour of each code, BGR, in the shape that cv2.applyColorMap takes; codes of no class are black."""

for _cell_class, _code in CODES.items():
    _COLOUR_TABLE[_code, 0] = COLOURS_BGR[_cell_class]


def class_codes(detection: Detection, counted: U8) -> U8:
    """Return the class of each cell as its number in CODES: uint8, of the grid's shape, owned by the caller.

    counted: 255 where the zones let heat count. `discarded` and `text` do not occur: they are known only later.
    """
    codes: U8 = np.zeros(detection.cells.shape, np.uint8)
    shadow, speck, flicker = (detection.rejected.get(reason) for reason in ("shadow", "speck", "flicker"))
    rejected: list[tuple[CellClass, U8 | None]] = [("shadow", shadow), ("speck", speck), ("flicker", flicker)]
    for cell_class, mask in [*rejected, ("staying", detection.cells), ("traffic", detection.moving)]:
        if mask is not None:
            codes[mask > 0] = CODES[cell_class]
    codes[(codes > 0) & (counted == 0)] = CODES["masked"]
    return codes


def draw_pair(picture: U8, codes: U8, label: str, warning: str = "") -> U8:
    """Return a frame beside the same frame in grey with the classes in colour, and a label below both.

    picture: BGR, uint8 (height, width, 3); the result is twice as wide and 24 pixels higher. codes: see `class_codes`.
    warning: why the whole frame was rejected; drawn across the right half.
    """
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    right = np.asarray(cv2.convertScaleAbs(grey, alpha=_DIMMED), np.uint8)
    enlarged = cv2.resize(codes, (width, height), interpolation=cv2.INTER_NEAREST)
    colours = cv2.applyColorMap(enlarged, _COLOUR_TABLE)
    foreground = enlarged > 0
    right[foreground] = cv2.addWeighted(grey, 1 - _OPACITY, colours, _OPACITY, 0)[foreground]
    if warning:
        cv2.rectangle(right, (0, 0), (width - 1, height - 1), COLOURS_BGR["discarded"], 3)
        _draw_banner(right, warning, height // 2)
    pair = np.full((height + _ROW_PX, 2 * width, 3), _PAPER_LEVEL, np.uint8)
    pair[:height, :width], pair[:height, width:] = picture, right
    _draw_text(pair, label, (6, height + 17))
    return pair


def draw_legend(title: str, entries: Sequence[LegendEntry], width: int) -> U8:
    """Return a strip, `width` pixels wide, with a title and the entries in as many rows as they need.

    BGR, uint8 (height, width, 3), owned by the caller. An empty title takes no row.
    """
    rows: list[list[LegendEntry]] = [[(None, title)]] if title else []
    free_px = 0
    for cell_class, text in entries:
        needed_px = _text_width(text) + _ENTRY_GAP_PX + (0 if cell_class is None else _SWATCH_PX + 6)
        if needed_px > free_px:
            rows.append([])
            free_px = width - 12
        rows[-1].append((cell_class, text))
        free_px -= needed_px
    strip = np.full((_ROW_PX * len(rows) + 8, width, 3), _PAPER_LEVEL, np.uint8)
    for number, row in enumerate(rows):
        x, baseline = 6, number * _ROW_PX + 19
        for cell_class, text in row:
            if cell_class is not None:
                cv2.rectangle(
                    strip, (x, baseline - 12), (x + _SWATCH_PX, baseline + 2), COLOURS_BGR[cell_class], cv2.FILLED
                )
                x += _SWATCH_PX + 6
            _draw_text(strip, text, (x, baseline))
            x += _text_width(text) + _ENTRY_GAP_PX
    return strip


def draw_sheet(legend: U8, pairs: Sequence[U8], columns: int) -> U8:
    """Return pictures of one size in rows below the legend, which is at most as wide as a row.

    BGR, uint8 (height, width, 3), owned by the caller.
    """
    height, width = pairs[0].shape[0], pairs[0].shape[1] + _COLUMN_GAP_PX
    rows = -(-len(pairs) // columns)
    sheet = np.full((legend.shape[0] + rows * height, columns * width - _COLUMN_GAP_PX, 3), _PAPER_LEVEL, np.uint8)
    sheet[: legend.shape[0], : legend.shape[1]] = legend
    for index, pair in enumerate(pairs):
        y, x = legend.shape[0] + index // columns * height, index % columns * width
        sheet[y : y + height, x : x + pair.shape[1]] = pair
    return sheet


def fitted_wh(frame_wh: SizeWH, limit_wh: SizeWH) -> SizeWH:
    """Return the largest size with the frame's aspect ratio and even sides within `limit_wh`; at least 2 by 2."""
    scale = min(limit_wh[0] / frame_wh[0], limit_wh[1] / frame_wh[1])
    width, height = (max(2, int(side * scale) // 2 * 2) for side in frame_wh)
    return width, height


def _draw_banner(picture: U8, text: str, middle_y: int) -> None:
    band = picture[max(0, middle_y - 14) : middle_y + 14]
    band[:] = band // 4
    _draw_text(picture, text, (max(2, (picture.shape[1] - _text_width(text)) // 2), middle_y + 5))


def _draw_text(picture: U8, text: str, at: tuple[int, int]) -> None:
    cv2.putText(picture, to_ascii(text), at, _FONT, _FONT_SCALE, _TEXT_BGR, 1, cv2.LINE_AA)


def _text_width(text: str) -> int:
    return int(cv2.getTextSize(to_ascii(text), _FONT, _FONT_SCALE, 1)[0][0])
