"""Draws how much motion each hour of the week has: seven rows from Monday to Sunday, 24 columns of hours."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.render.caption import number_ticks, to_ascii
from edgeheat.core.render.colormap import colormap_lut
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.legend import MAX_TICKS, without_overlap
from edgeheat.core.render.pen import BOLD, LIGHT_GREY, MIN_FONT_SCALE, WHITE, Pen

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""Labels of a profile's rows, in order."""

HOURS = 24
"""Columns of a profile: the local hours from 0 to 23."""

PROFILE_UNIT = "motion-seconds per observed hour"
"""Unit of a profile's values."""

MIN_PROFILE_WIDTH = 320
"""Smallest width of a picture in pixels: a column is as wide as two digits then."""

_PX_PER_FONT_SCALE = 1700
"""Width of a picture, in pixels, for which text has cv2's font scale 1."""

_LARGEST_FONT_SCALE = 1.0
"""Largest font scale of cv2."""

_NUMBER_FONT_RATIO = 0.8
"""Size of the numbers in the cells, as a multiple of other text."""

_ROW_HEIGHT_RATIO = 2.6
"""Height of a row, as a multiple of the height of a capital."""

_BACKGROUND_GREY = 38
"""Grey level around the cells, brighter than a cell of 0."""

_UNKNOWN_GREY = 58
"""Grey level of a cell that was not observed."""

_UNKNOWN_LINE_GREY = 90
"""Grey level of the lines that hatch such a cell."""

_DARK_TEXT_ABOVE = 115
"""Brightness of a cell, 0..255, above which its number is black."""


def draw_profile(rates: F64, title: str, *, width: int, colormap: str = "inferno", unit: str = PROFILE_UNIT) -> U8:
    """Return the picture of a week's profile: BGR uint8, owned by the caller; its height follows from the width.

    rates: motion-seconds per observed hour, float64, shape (7, 24), Monday first, hours of local time; NaN, or any
    other value that is not finite or is negative, where an hour was not observed, which is hatched.
    title: what is shown, in the first line. width: in pixels, at least `MIN_PROFILE_WIDTH`; 1280 suits a screen, 480 a
    phone. Wide pictures have the numbers in their cells. unit: of the values, in words.
    Raises ValueError for another shape, a smaller width or an unknown colormap.
    """
    if rates.shape != (len(DAY_NAMES), HOURS):
        raise ValueError(f"profile: expected a shape of {(len(DAY_NAMES), HOURS)}, got {rates.shape}")
    if width < MIN_PROFILE_WIDTH:
        raise ValueError(f"profile: expected a width of at least {MIN_PROFILE_WIDTH} pixels, got {width}")
    return _ProfilePicture(np.where(np.isfinite(rates) & (rates >= 0), rates, np.nan), width, colormap, unit).draw(
        title
    )


class _ProfilePicture:
    """The parts of a profile's picture and where they are."""

    def __init__(self, rates: F64, width: int, colormap: str, unit_words: str) -> None:
        self._rates = rates
        self._unit_words = unit_words
        self._top = float(np.nanmax(rates)) if np.isfinite(rates).any() else 0.0
        self._lut = colormap_lut(colormap)[:, 0]
        self._pen = Pen(min(max(width / _PX_PER_FONT_SCALE, MIN_FONT_SCALE), _LARGEST_FONT_SCALE))
        unit = self._unit = self._pen.height
        self._row_height = round(_ROW_HEIGHT_RATIO * unit)
        self._left = max(self._pen.width(name) for name in DAY_NAMES) + 2 * unit
        self._right = width - unit
        self._rows_y = 7 * unit
        self._foot = self._rows_y + len(DAY_NAMES) * self._row_height
        canvas = np.full((self._foot + 10 * unit, width, 3), _BACKGROUND_GREY, np.uint8)
        # Opaque: what is drawn into its colours is the picture.
        self._layer = Layer(canvas, np.zeros_like(canvas))

    def draw(self, title: str) -> U8:
        """Draw all parts and return the picture."""
        room = self._layer.colour.shape[1] - 2 * self._unit
        pen, unit = self._pen, self._unit
        pen.write(self._layer, pen.shortened(to_ascii(title), room, BOLD), (unit, 2 * unit), font=BOLD)
        pen.write(self._layer, pen.shortened(self._busiest_words(), room), (unit, 4 * unit), ink=LIGHT_GREY)
        self._label_axes()
        for day, hour in np.ndindex(*self._rates.shape):
            self._draw_cell(day, hour)
        self._draw_numbers()
        self._draw_legend()
        return self._layer.colour

    def _busiest_words(self) -> str:
        if not np.isfinite(self._rates).any():
            return "nothing observed"
        if self._top <= 0:
            return "no motion counted"
        day, hour = np.unravel_index(np.nanargmax(self._rates), self._rates.shape)
        return f"busiest: {DAY_NAMES[day]} {hour} to {hour + 1} h"

    def _x(self, hour: int) -> int:
        return self._left + round(hour * (self._right - self._left) / HOURS)

    def _y(self, day: int) -> int:
        return self._rows_y + day * self._row_height

    def _label_axes(self) -> None:
        """Write the days, and so many of the hours that their numbers do not touch."""
        pen, unit = self._pen, self._unit
        for day, name in enumerate(DAY_NAMES):
            pen.write(self._layer, name, (unit, self._y(day) + (self._row_height + unit) // 2), ink=LIGHT_GREY)
        column = (self._right - self._left) / HOURS
        step = next(step for step in (1, 2, 3, 6) if step == 6 or step * column > pen.width("23") + unit)
        for hour in range(0, HOURS, step):
            # A number stands at its hour's start, which is the left edge of its column.
            x = self._x(hour) - pen.width(str(hour)) // 2
            pen.write(self._layer, str(hour), (x, self._rows_y - unit), ink=LIGHT_GREY)

    def _draw_cell(self, day: int, hour: int) -> None:
        """Fill one cell, up to a line between it and its neighbours."""
        cell = self._layer.colour[self._y(day) : self._y(day + 1) - 1, self._x(hour) : self._x(hour + 1) - 1]
        rate = self._rates[day, hour]
        if np.isnan(rate):
            _hatch(cell)
        else:
            cell[:] = self._colour(rate)

    def _colour(self, rate: float) -> U8:
        return np.asarray(self._lut[round(255 * rate / self._top) if self._top > 0 else 0], np.uint8)

    def _draw_numbers(self) -> None:
        """Write each cell's number into it, if all of them fit."""
        pen, known = Pen(max(_NUMBER_FONT_RATIO * self._pen.scale, MIN_FONT_SCALE)), np.isfinite(self._rates)
        labels = {(day, hour): _number(self._rates[day, hour]) for day, hour in np.argwhere(known).tolist()}
        if max(map(pen.width, labels.values()), default=0) > (self._right - self._left) / HOURS - self._unit // 2:
            return
        for (day, hour), label in labels.items():
            bright = cv2.cvtColor(self._colour(self._rates[day, hour]).reshape(1, 1, 3), cv2.COLOR_BGR2GRAY)[0, 0]
            x = (self._x(hour) + self._x(hour + 1) - pen.width(label)) // 2
            y = self._y(day) + (self._row_height + pen.height) // 2
            pen.write(self._layer, label, (x, y), ink=(0, 0, 0) if bright > _DARK_TEXT_ABOVE else WHITE)

    def _draw_legend(self) -> None:
        """Draw the colour bar with its unit, and what a hatched cell means, below the cells."""
        pen, unit, colour = self._pen, self._unit, self._layer.colour
        y = self._foot + 3 * unit
        pen.write(self._layer, self._unit_words, (self._left, y), ink=LIGHT_GREY)
        bar_x, bar_y, bar_width = self._left, y + unit // 2, max(pen.width(self._unit_words), 12 * unit)
        levels = np.rint(np.linspace(0, 255, bar_width)).astype(np.uint8)
        colour[bar_y : bar_y + unit, bar_x : bar_x + bar_width] = self._lut[levels]
        ticks = [(at, _number(float(label))) for at, label in number_ticks(self._top, 1.0, MAX_TICKS)]
        for position, label in without_overlap(ticks, pen, bar_width) if self._top > 0 else ticks[:1]:
            x = bar_x + round(position * (bar_width - 1)) - pen.width(label) // 2
            pen.write(self._layer, label, (x, bar_y + round(2.6 * unit)))
        _hatch(colour[bar_y + 4 * unit : bar_y + 5 * unit, bar_x : bar_x + 2 * unit])
        pen.write(self._layer, "not observed", (bar_x + 3 * unit, bar_y + 5 * unit), ink=LIGHT_GREY)


def _hatch(cell: U8) -> None:
    """Hatch a part of a picture in place."""
    spacing = max(6, cell.shape[0] // 3)
    across = np.add.outer(np.arange(cell.shape[0]), np.arange(cell.shape[1])) % spacing
    cell[:] = _UNKNOWN_GREY
    cell[across < max(1, spacing // 5)] = _UNKNOWN_LINE_GREY


def _number(value: float) -> str:
    """Return a value in at most four characters: "0.3", "12", "340", "1.2k", "56k", "3.4M"."""
    for suffix in ("", "k", "M"):
        if value < 9.95:
            return f"{value:.1f}{suffix}" if value >= 0.05 else "0"
        if value < 999.5:
            return f"{value:.0f}{suffix}"
        value /= 1000
    return f"{value:.0f}G"
