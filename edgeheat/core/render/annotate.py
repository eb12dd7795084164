"""Draws a heatmap's title and its colour scale, sized to the picture."""

from __future__ import annotations

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.render.caption import Caption, scale_heading, scale_ticks, to_ascii
from edgeheat.core.render.colormap import overlay_luts
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.legend import MAX_TICKS, ColourScale, draw_legend
from edgeheat.core.render.pen import BOLD, LIGHT_GREY, PANEL_OPACITY, REGULAR, WHITE, Pen, font_scale
from edgeheat.defs.params import Measure, Style
from edgeheat.defs.wording import percent_words


def title_and_legend(
    style: Style, size_wh: SizeWH, top_s: float, caption: Caption | None, coverage: float
) -> list[Layer]:
    """Return the title and the colour scale that `style` asks for, as layers that lie inside `size_wh`.

    One that would not be readable in a picture of this size is omitted, and so is the title without a caption.
    top_s: seconds at the top of the scale, of the caption's measure (without a caption: presence). coverage: 0..1.
    """
    title = (
        _title(caption, coverage, size_wh, Pen(font_scale(size_wh))) if style.title and caption is not None else None
    )
    legend = draw_legend(_colour_scale(style, top_s, caption, coverage), size_wh) if style.legend else None
    return [layer for layer in (title, legend) if layer is not None]


def _colour_scale(style: Style, top_s: float, caption: Caption | None, coverage: float) -> ColourScale:
    measure: Measure = caption.measure if caption is not None else "presence"
    heading = scale_heading(measure, top_s, coverage, per_hour=caption is not None and caption.per_hour)
    ticks = scale_ticks(top_s, style.gamma, MAX_TICKS)
    return ColourScale(heading, overlay_luts(style), style.background_dim if style.overlay else 0.0, ticks)


def _title(caption: Caption, coverage: float, size_wh: SizeWH, pen: Pen) -> Layer | None:
    """Return a band along the top with one or two lines; parts that fit in neither are omitted."""
    when = f"{caption.at:%Y-%m-%d %H:%M}" if caption.at else ""
    parts = [caption.camera, caption.period, when, f"coverage {percent_words(coverage)}"]
    lines = _lines([to_ascii(part) for part in parts if part], size_wh[0], pen)
    line_height = round(1.75 * pen.height)
    padding = pen.height // 4
    height = line_height * len(lines) + 2 * padding
    if not lines or height > size_wh[1] // 4:
        return None
    band = Layer.shade(0, 0, size_wh[0], height, PANEL_OPACITY)
    bold = True
    for row, line in enumerate(lines):
        x, baseline = pen.height, padding + row * line_height + (line_height + pen.height) // 2
        for word in line:
            font, ink = (BOLD, WHITE) if bold else (REGULAR, LIGHT_GREY)
            pen.write(band, word, (x, baseline), ink=ink, font=font)
            x += pen.width(word, font) + _gap(pen)
            bold = False
    return band


def _gap(pen: Pen) -> int:
    return round(1.8 * pen.height)


def _lines(words: list[str], width_px: int, pen: Pen) -> list[list[str]]:
    """Return the words in at most two lines; a word that fits in neither is omitted."""
    lines: list[list[str]] = []
    free_px = 0
    for word in words:
        word_width = pen.width(word, BOLD)
        if lines and word_width + _gap(pen) <= free_px:
            lines[-1].append(word)
            free_px -= word_width + _gap(pen)
        elif len(lines) < 2 and word_width <= width_px - 2 * pen.height:
            lines.append([word])
            free_px = width_px - 2 * pen.height - word_width
    return lines
