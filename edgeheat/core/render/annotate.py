"""Draws a heatmap's title and its colour scale, sized to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.render.caption import Caption, scale_heading, scale_ticks, to_ascii
from edgeheat.core.render.colormap import overlay_luts
from edgeheat.core.render.layer import Layer
from edgeheat.defs.params import Measure, Style
from edgeheat.defs.wording import percent_words

_REGULAR = cv2.FONT_HERSHEY_SIMPLEX
"""Font of everything but the camera's name."""

_BOLD = cv2.FONT_HERSHEY_DUPLEX
"""Font of the camera's name."""

_WHITE = (255, 255, 255)
"""Colour of the camera's name and of the scale's labels, BGR."""

_LIGHT_GREY = (205, 205, 205)
"""Colour of all other text and of the scale's ticks, BGR."""

_PANEL_OPACITY = 0.68
"""Opacity of the black panel under text: white text on it is readable over any picture."""

_MIN_FONT_SCALE = 0.42
"""Smallest font scale of cv2: capitals of 9 to 11 pixels, the smallest that are readable."""

_MAX_FONT_SCALE = 1.6
"""Largest font scale of cv2, reached in pictures of about 2160 by 1120 pixels."""

_MAX_TICKS = 5
"""Ticks of the colour scale, 0 and the top included."""


def title_and_legend(
    style: Style, size_wh: SizeWH, top_s: float, caption: Caption | None, coverage: float
) -> list[Layer]:
    """Return the title and the colour scale that `style` asks for, as layers that lie inside `size_wh`.

    One that would not be readable in a picture of this size is omitted, and so is the title without a caption.
    top_s: seconds at the top of the scale, of the caption's measure (without a caption: presence). coverage: 0..1.
    """
    scale = _font_scale(size_wh)
    title = _title(caption, coverage, size_wh, _Pen(scale)) if style.title and caption is not None else None
    measure: Measure = caption.measure if caption is not None else "presence"
    heading = scale_heading(measure, top_s, coverage)
    legend = _legend(style, size_wh, top_s, heading, _Pen(max(0.85 * scale, _MIN_FONT_SCALE))) if style.legend else None
    return [layer for layer in (title, legend) if layer is not None]


def _font_scale(size_wh: SizeWH) -> float:
    """Return cv2's font scale: text grows with the picture, so that it is readable on a phone too."""
    return min(max(min(size_wh[0] / 1350, size_wh[1] / 700), _MIN_FONT_SCALE), _MAX_FONT_SCALE)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Measures and writes text of one size: the fonts of OpenCV 4 and 5 differ, so no width is fixed."""

    scale: float

    @property
    def thickness(self) -> int:
        """Line width in pixels."""
        return 1 if self.scale < 1.2 else 2

    @property
    def height(self) -> int:
        """Height of a capital in pixels."""
        return int(cv2.getTextSize("H0", _REGULAR, self.scale, self.thickness)[0][1])

    def width(self, text: str, font: int = _REGULAR) -> int:
        """Width of the text in pixels."""
        return int(cv2.getTextSize(text, font, self.scale, self.thickness)[0][0])

    def write(
        self, layer: Layer, text: str, at: tuple[int, int], *, ink: tuple[int, int, int] = _WHITE, font: int = _REGULAR
    ) -> None:
        """Write opaque text into a layer; `at` is the (x, y) of the left end of the baseline, `ink` is BGR."""
        for plane, colour in ((layer.colour, ink), (layer.keep, (0, 0, 0))):
            cv2.putText(plane, text, at, font, self.scale, colour, self.thickness, cv2.LINE_AA)


def _title(caption: Caption, coverage: float, size_wh: SizeWH, pen: _Pen) -> Layer | None:
    """Return a band along the top with one or two lines; parts that fit in neither are omitted."""
    when = f"{caption.at:%Y-%m-%d %H:%M}" if caption.at else ""
    parts = [caption.camera, caption.period, when, f"coverage {percent_words(coverage)}"]
    lines = _lines([to_ascii(part) for part in parts if part], size_wh[0], pen)
    line_height = round(1.75 * pen.height)
    padding = pen.height // 4
    height = line_height * len(lines) + 2 * padding
    if not lines or height > size_wh[1] // 4:
        return None
    band = Layer.shade(0, 0, size_wh[0], height, _PANEL_OPACITY)
    bold = True
    for row, line in enumerate(lines):
        x, baseline = pen.height, padding + row * line_height + (line_height + pen.height) // 2
        for word in line:
            font, ink = (_BOLD, _WHITE) if bold else (_REGULAR, _LIGHT_GREY)
            pen.write(band, word, (x, baseline), ink=ink, font=font)
            x += pen.width(word, font) + _gap(pen)
            bold = False
    return band


def _gap(pen: _Pen) -> int:
    return round(1.8 * pen.height)


def _lines(words: list[str], width_px: int, pen: _Pen) -> list[list[str]]:
    """Return the words in at most two lines; a word that fits in neither is omitted."""
    lines: list[list[str]] = []
    free_px = 0
    for word in words:
        word_width = pen.width(word, _BOLD)
        if lines and word_width + _gap(pen) <= free_px:
            lines[-1].append(word)
            free_px -= word_width + _gap(pen)
        elif len(lines) < 2 and word_width <= width_px - 2 * pen.height:
            lines.append([word])
            free_px = width_px - 2 * pen.height - word_width
    return lines


def _legend(style: Style, size_wh: SizeWH, top_s: float, heading: str, pen: _Pen) -> Layer | None:
    """Return a panel in the lower right corner: heading, colour bar and labelled ticks; None where it does not fit."""
    unit = pen.height
    bar_wh = max(round(0.22 * size_wh[0]), 10 * unit), max(round(0.6 * unit), 5)
    ticks = scale_ticks(top_s, style.gamma, _MAX_TICKS)
    left, top = max(pen.width(ticks[0][1]) // 2 + unit // 2, unit), round(2.05 * unit)
    width = left + bar_wh[0] + max(pen.width(ticks[-1][1]) // 2 + unit // 2, unit)
    height = top + bar_wh[1] + round(2.15 * unit)
    margin = unit // 2
    if width + 2 * margin > 0.6 * size_wh[0] or height + 2 * margin > 0.3 * size_wh[1]:
        return None
    panel = Layer.shade(size_wh[0] - width - margin, size_wh[1] - height - margin, width, height, _PANEL_OPACITY)
    pen.write(panel, heading, (left, round(1.5 * unit)), ink=_LIGHT_GREY)
    _draw_bar(panel, style, (left, top), bar_wh)
    foot = top + bar_wh[1]
    for position, label in _without_overlap(ticks, pen, bar_wh[0]):
        x = left + round(position * (bar_wh[0] - 1))
        cv2.line(panel.colour, (x, foot), (x, foot + max(unit // 4, 2)), _LIGHT_GREY, 1)
        pen.write(panel, label, (x - pen.width(label) // 2, foot + round(1.6 * unit)))
    return panel


def _draw_bar(panel: Layer, style: Style, at: tuple[int, int], bar_wh: SizeWH) -> None:
    """Draw the colours, cold to hot, as they look over a mid-grey background, since the overlay is translucent."""
    (x, y), (width, height) = at, bar_wh
    levels = np.rint(np.linspace(0, 255, width)).astype(np.uint8)[np.newaxis, :].repeat(height, axis=0)
    background = 128 * style.background_dim if style.overlay else 0
    bar = np.full((height, width, 3), min(background, 255), np.uint8)
    colour_lut, keep_lut = overlay_luts(style)
    Layer(
        np.asarray(cv2.applyColorMap(levels, colour_lut), np.uint8),
        np.asarray(cv2.applyColorMap(levels, keep_lut), np.uint8),
    ).lay_over(bar)
    panel.colour[y : y + height, x : x + width] = bar
    panel.keep[y : y + height, x : x + width] = 0


def _without_overlap(ticks: list[tuple[float, str]], pen: _Pen, bar_width: int) -> list[tuple[float, str]]:
    """Return the ticks whose labels do not overlap: the first, the last, and from the left those that fit between."""

    def span_px(tick: tuple[float, str]) -> tuple[float, float]:
        half = (pen.width(tick[1]) + 0.7 * pen.height) / 2
        return tick[0] * bar_width - half, tick[0] * bar_width + half

    first, *between, last = ticks
    kept = [first]
    for tick in between:
        if span_px(tick)[0] >= span_px(kept[-1])[1] and span_px(tick)[1] <= span_px(last)[0]:
            kept.append(tick)
    return [*kept, last]
