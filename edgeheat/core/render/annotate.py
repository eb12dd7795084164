"""Draws the title and the colour scale as layers measured to the picture's size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.render.caption import Caption, ascii_words, measure_words, scale_ticks
from edgeheat.core.render.colormap import paints
from edgeheat.core.render.layer import Layer
from edgeheat.defs.params import Measure, Style
from edgeheat.defs.wording import percent_words

_REGULAR = cv2.FONT_HERSHEY_SIMPLEX
_BOLD = cv2.FONT_HERSHEY_DUPLEX
_WHITE = (255, 255, 255)
_SOFT = (205, 205, 205)

_SHADE = 0.68
"""Opacity of the black under text: white on it is readable over any picture."""

_LEAST_SCALE, _MOST_SCALE = 0.42, 1.6
"""Bounds of cv2's font scale: 0.42 is about 12 pixels, the smallest that reads well."""

_MOST_MARKS = 5


def title_and_legend(
    style: Style, size_wh: SizeWH, top_s: float, caption: Caption | None, coverage: float
) -> list[Layer]:
    """Return the title and the colour scale that `style` asks for, as layers that lie inside `size_wh`.

    A picture too small to hold one of them readably goes without it. top_s: seconds at the top of the scale; of what
    they are says the caption, without one they are of presence.
    """
    scale = _font_scale(size_wh)
    title = _title(caption, coverage, size_wh, _Pen(scale)) if style.title and caption is not None else None
    measure: Measure = caption.measure if caption is not None else "presence"
    heading = measure_words(measure, top_s, coverage)
    legend = _legend(style, size_wh, top_s, heading, _Pen(max(0.85 * scale, _LEAST_SCALE))) if style.legend else None
    return [layer for layer in (title, legend) if layer is not None]


def _font_scale(size_wh: SizeWH) -> float:
    """Return cv2's font scale: text grows with the picture, so that it also reads when a phone shrinks the picture."""
    return min(max(min(size_wh[0] / 1350, size_wh[1] / 700), _LEAST_SCALE), _MOST_SCALE)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes text of one size; measures first, because OpenCV 4 and 5 draw with different fonts."""

    scale: float

    @property
    def thickness(self) -> int:
        return 1 if self.scale < 1.2 else 2

    @property
    def height(self) -> int:
        """Pixels from the baseline to the top of a capital."""
        return int(cv2.getTextSize("H0", _REGULAR, self.scale, self.thickness)[0][1])

    def width(self, text: str, font: int = _REGULAR) -> int:
        """Pixels across."""
        return int(cv2.getTextSize(text, font, self.scale, self.thickness)[0][0])

    def write(
        self, layer: Layer, text: str, at: tuple[int, int], *, ink: tuple[int, int, int] = _WHITE, font: int = _REGULAR
    ) -> None:
        """Write opaque text into a layer; `at` is the left end of the baseline."""
        for plane, colour in ((layer.colour, ink), (layer.keep, (0, 0, 0))):
            cv2.putText(plane, text, at, font, self.scale, colour, self.thickness, cv2.LINE_AA)


def _title(caption: Caption, coverage: float, size_wh: SizeWH, pen: _Pen) -> Layer | None:
    """Return a band along the top: one line where the words fit, else two; words that fit neither are left out."""
    when = f"{caption.at:%Y-%m-%d %H:%M}" if caption.at else ""
    parts = [caption.camera, caption.period, when, f"coverage {percent_words(coverage)}"]
    lines = _lines([ascii_words(part) for part in parts if part], size_wh[0], pen)
    line_height = round(1.75 * pen.height)
    padding = pen.height // 4
    height = line_height * len(lines) + 2 * padding
    if not lines or height > size_wh[1] // 4:
        return None
    band = Layer.shade(0, 0, size_wh[0], height, _SHADE)
    bold = True
    for row, line in enumerate(lines):
        x, baseline = pen.height, padding + row * line_height + (line_height + pen.height) // 2
        for word in line:
            font, ink = (_BOLD, _WHITE) if bold else (_REGULAR, _SOFT)
            pen.write(band, word, (x, baseline), ink=ink, font=font)
            x += pen.width(word, font) + _gap(pen)
            bold = False
    return band


def _gap(pen: _Pen) -> int:
    return round(1.8 * pen.height)


def _lines(words: list[str], width: int, pen: _Pen) -> list[list[str]]:
    """Return the words in at most two lines; what does not fit is left out."""
    lines: list[list[str]] = []
    left = 0
    for word in words:
        word_width = pen.width(word, _BOLD)
        if lines and word_width + _gap(pen) <= left:
            lines[-1].append(word)
            left -= word_width + _gap(pen)
        elif len(lines) < 2 and word_width <= width - 2 * pen.height:
            lines.append([word])
            left = width - 2 * pen.height - word_width
    return lines


def _legend(style: Style, size_wh: SizeWH, top_s: float, heading: str, pen: _Pen) -> Layer | None:
    """Return a panel in the lower right corner: the scale's colours, and what they stand for."""
    unit = pen.height
    bar_wh = max(round(0.22 * size_wh[0]), 10 * unit), max(round(0.6 * unit), 5)
    marks = scale_ticks(top_s, style.gamma, _MOST_MARKS)
    left, top = max(pen.width(marks[0][1]) // 2 + unit // 2, unit), round(2.05 * unit)
    width = left + bar_wh[0] + max(pen.width(marks[-1][1]) // 2 + unit // 2, unit)
    height = top + bar_wh[1] + round(2.15 * unit)
    margin = unit // 2
    if width + 2 * margin > 0.6 * size_wh[0] or height + 2 * margin > 0.3 * size_wh[1]:
        return None
    panel = Layer.shade(size_wh[0] - width - margin, size_wh[1] - height - margin, width, height, _SHADE)
    pen.write(panel, heading, (left, round(1.5 * unit)), ink=_SOFT)
    _draw_bar(panel, style, (left, top), bar_wh)
    foot = top + bar_wh[1]
    for place, label in _apart(marks, pen, bar_wh[0]):
        x = left + round(place * (bar_wh[0] - 1))
        cv2.line(panel.colour, (x, foot), (x, foot + max(unit // 4, 2)), _SOFT, 1)
        pen.write(panel, label, (x - pen.width(label) // 2, foot + round(1.6 * unit)))
    return panel


def _draw_bar(panel: Layer, style: Style, at: tuple[int, int], bar_wh: SizeWH) -> None:
    """Draw the colours, cold to hot, as they look on a middling background: opacity is part of what is seen."""
    (x, y), (width, height) = at, bar_wh
    levels = np.rint(np.linspace(0, 255, width)).astype(np.uint8)[np.newaxis, :].repeat(height, axis=0)
    under = 128 * style.background_dim if style.overlay else 0
    bar = np.full((height, width, 3), min(under, 255), np.uint8)
    colour_lut, keep_lut = paints(style)
    Layer(
        np.asarray(cv2.applyColorMap(levels, colour_lut), np.uint8),
        np.asarray(cv2.applyColorMap(levels, keep_lut), np.uint8),
    ).lay_over(bar)
    panel.colour[y : y + height, x : x + width] = bar
    panel.keep[y : y + height, x : x + width] = 0


def _apart(marks: list[tuple[float, str]], pen: _Pen, bar_width: int) -> list[tuple[float, str]]:
    """Return the marks whose labels do not touch: both ends, and between them whatever fits from the left."""

    def span(mark: tuple[float, str]) -> tuple[float, float]:
        half = (pen.width(mark[1]) + 0.7 * pen.height) / 2
        return mark[0] * bar_width - half, mark[0] * bar_width + half

    first, *between, last = marks
    kept = [first]
    for mark in between:
        if span(mark)[0] >= span(kept[-1])[1] and span(mark)[1] <= span(last)[0]:
            kept.append(mark)
    return [*kept, last]
