"""Draws what the engine made of a frame: who counts, what was left out and why, each in a colour of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import cv2
import numpy as np

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.render.caption import ascii_words

Part = Literal["traffic", "staying", "given up", "shadow", "speck", "flicker", "masked"]
Bgr = tuple[int, int, int]

PARTS: Final[tuple[Part, ...]] = ("traffic", "staying", "given up", "shadow", "speck", "flicker", "masked")

CODES: Final[dict[Part, int]] = {part: code for code, part in enumerate(PARTS, start=1)}
"""How each part is written in an array of codes; 0 is the empty scene."""

COLOURS_BGR: Final[dict[Part, Bgr]] = {
    "traffic": (80, 220, 60),
    "staying": (0, 215, 255),
    "given up": (70, 70, 255),
    "shadow": (255, 130, 50),
    "speck": (255, 60, 230),
    "flicker": (240, 240, 40),
    "masked": (200, 200, 200),
}

WORDS: Final[dict[Part, str]] = {
    "traffic": "moves",
    "staying": "stays, or held back",
    "given up": "held back, given up",
    "shadow": "shadow or light",
    "speck": "too small or too brief",
    "flicker": "flicker mask",
    "masked": "outside, by zones",
}

_DIM, _COVER = 0.5, 0.75
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SCALE = 0.45
_WHITE: Bgr = (255, 255, 255)
_PAPER = 24
_ROW_PX, _SWATCH_PX, _GAP_PX, _BETWEEN_PX = 24, 14, 18, 8

_FILL = np.zeros((256, 1, 3), np.uint8)
for _part, _code in CODES.items():
    _FILL[_code, 0] = COLOURS_BGR[_part]


def part_codes(judged: Detection, counted: U8) -> U8:
    """Return what each cell was judged to be, as CODES; uint8, the grid's shape, owned by the caller.

    counted: 255 where the zones let heat count. `given up` is never among them: that is known only later.
    """
    codes: U8 = np.zeros(judged.cells.shape, np.uint8)
    shadow, speck, flicker = (judged.rejected.get(reason) for reason in ("shadow", "speck", "flicker"))
    parts: list[tuple[Part, U8 | None]] = [("shadow", shadow), ("speck", speck), ("flicker", flicker)]
    for part, mask in [*parts, ("staying", judged.cells), ("traffic", judged.moving)]:
        if mask is not None:
            codes[mask > 0] = CODES[part]
    codes[(codes > 0) & (counted == 0)] = CODES["masked"]
    return codes


def draw_pair(picture: U8, codes: U8, words: str, trouble: str = "") -> U8:
    """Return a frame, beside it the same in grey with its parts in their colours, and words below both.

    picture: BGR of shape (height, width, 3); the result is twice as wide and 24 pixels higher. codes: see `part_codes`.
    trouble: why the whole frame was left out; written over the right half.
    """
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    right = np.asarray(cv2.convertScaleAbs(grey, alpha=_DIM), np.uint8)
    large = cv2.resize(codes, (width, height), interpolation=cv2.INTER_NEAREST)
    fill = cv2.applyColorMap(large, _FILL)
    covered = large > 0
    right[covered] = cv2.addWeighted(grey, 1 - _COVER, fill, _COVER, 0)[covered]
    if trouble:
        cv2.rectangle(right, (0, 0), (width - 1, height - 1), COLOURS_BGR["given up"], 3)
        _band(right, trouble, height // 2)
    pair = np.full((height + _ROW_PX, 2 * width, 3), _PAPER, np.uint8)
    pair[:height, :width], pair[:height, width:] = picture, right
    _write(pair, words, (6, height + 17))
    return pair


def draw_key(title: str, entries: Sequence[tuple[Part | None, str]], width: int) -> U8:
    """Return a strip `width` wide: a title, then each part's colour with words; entries without a part are words only.

    BGR, owned by the caller; as many rows as it takes. An empty title takes none.
    """
    rows: list[list[tuple[Part | None, str]]] = [[(None, title)]] if title else []
    left = 0
    for part, words in entries:
        needed = _width(words) + _GAP_PX + (0 if part is None else _SWATCH_PX + 6)
        if needed > left:
            rows.append([])
            left = width - 12
        rows[-1].append((part, words))
        left -= needed
    strip = np.full((_ROW_PX * len(rows) + 8, width, 3), _PAPER, np.uint8)
    for number, row in enumerate(rows):
        x, baseline = 6, number * _ROW_PX + 19
        for part, words in row:
            if part is not None:
                cv2.rectangle(strip, (x, baseline - 12), (x + _SWATCH_PX, baseline + 2), COLOURS_BGR[part], cv2.FILLED)
                x += _SWATCH_PX + 6
            _write(strip, words, (x, baseline))
            x += _width(words) + _GAP_PX
    return strip


def draw_sheet(key: U8, pairs: Sequence[U8], columns: int) -> U8:
    """Return pictures of one size in rows under the key, which is no wider than a row; BGR, owned by the caller."""
    height, width = pairs[0].shape[0], pairs[0].shape[1] + _BETWEEN_PX
    rows = -(-len(pairs) // columns)
    sheet = np.full((key.shape[0] + rows * height, columns * width - _BETWEEN_PX, 3), _PAPER, np.uint8)
    sheet[: key.shape[0], : key.shape[1]] = key
    for place, pair in enumerate(pairs):
        y, x = key.shape[0] + place // columns * height, place % columns * width
        sheet[y : y + height, x : x + pair.shape[1]] = pair
    return sheet


def fitted_wh(frame_wh: SizeWH, within_wh: SizeWH) -> SizeWH:
    """Return the largest even (width, height) of the frame's shape that lies within another, at least 2 by 2."""
    scale = min(within_wh[0] / frame_wh[0], within_wh[1] / frame_wh[1])
    width, height = (max(2, int(side * scale) // 2 * 2) for side in frame_wh)
    return width, height


def _band(picture: U8, words: str, middle_y: int) -> None:
    part = picture[max(0, middle_y - 14) : middle_y + 14]
    part[:] = part // 4
    _write(picture, words, (max(2, (picture.shape[1] - _width(words)) // 2), middle_y + 5))


def _write(picture: U8, words: str, at: tuple[int, int]) -> None:
    cv2.putText(picture, ascii_words(words), at, _FONT, _SCALE, _WHITE, 1, cv2.LINE_AA)


def _width(words: str) -> int:
    return int(cv2.getTextSize(ascii_words(words), _FONT, _SCALE, 1)[0][0])
