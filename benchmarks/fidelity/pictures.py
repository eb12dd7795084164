"""Draws the row of pictures of a scene: a frame, the ground truth, edgeheat and the best rival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.fidelity.scores import AnyMap, on_grid
from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.heatmap import draw
from edgeheat.defs.params import Style

SAMPLE_WH: SizeWH = (320, 180)
"""Size of each panel in pixels: four fit beside one another on a page."""

_PANEL_STYLE = replace(Style(), legend=False, title=False)
"""The default style without text, for which a panel is too small."""

_GAP_PX = 6
"""Distance between two panels."""

_BAND_PX = 24
"""Height of the band with a panel's label."""

_EMPTY_LEVEL = 255
"""Grey level of bands and gaps: white."""

_INK_LEVEL = 30
"""Grey level of the labels: nearly black."""

_LABEL_FONT = cv2.FONT_HERSHEY_SIMPLEX
"""Font of the labels."""

_LABEL_SCALE = 0.48
"""Size of the labels, as cv2 takes it."""

_PANEL_QUALITY = 80
"""Quality of the pictures in the repository, 0..100."""


class SampledPictures:
    """Small pictures sampled from a recording at a fixed interval."""

    def __init__(self, every_s: float = 5.0) -> None:
        self._every_s = every_s
        self._first_s: float | None = None
        self.taken: list[U8] = []
        """BGR uint8 of SAMPLE_WH, one per interval."""

    def add(self, frame: Frame) -> None:
        """Sample the frame's picture if one is due."""
        if self._first_s is None:
            self._first_s = frame.mono_s
        if frame.mono_s - self._first_s >= len(self.taken) * self._every_s:
            self.taken.append(frame.colour(SAMPLE_WH))


def row(samples: Sequence[U8], heats: Sequence[tuple[str, AnyMap]]) -> U8:
    """Return the picture of one scene, BGR.

    samples: pictures of the recording, BGR uint8 of SAMPLE_WH; at least one.
    heats: label and map of each further panel, in any unit: its maximum is the top of the colour scale.
    """
    usual = np.asarray(np.median(np.stack(samples), axis=0), np.uint8)
    panels = [("a frame", most_different(samples, usual))]
    panels += [(label, draw(_grid(heat), usual, _PANEL_STYLE, SAMPLE_WH)) for label, heat in heats]
    return side_by_side([_labelled(label, picture) for label, picture in panels])


def most_different(samples: Sequence[U8], usual: U8) -> U8:
    """Return the picture that differs most from `usual`, the median of the recording."""
    return max(samples, key=lambda picture: float(cv2.absdiff(picture, usual).mean()))


def encode(picture: U8) -> bytes:
    """Return the picture as JPEG; raises ValueError if OpenCV cannot encode it."""
    written, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _PANEL_QUALITY])
    if not written:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as JPEG")
    return data.tobytes()


def side_by_side(panels: Sequence[U8]) -> U8:
    """Return pictures of one height side by side, with a gap between."""
    gap = np.full((panels[0].shape[0], _GAP_PX, 3), _EMPTY_LEVEL, np.uint8)
    parted = [part for panel in panels for part in (gap, panel)][1:]
    return np.hstack(parted)


def _grid(heat: AnyMap) -> HeatGrid:
    return HeatGrid(on_grid(heat).astype(np.float32), 1.0, 1.0)


def _labelled(label: str, picture: U8) -> U8:
    band = np.full((_BAND_PX, picture.shape[1], 3), _EMPTY_LEVEL, np.uint8)
    cv2.putText(
        band, label, (2, _BAND_PX - 8), _LABEL_FONT, _LABEL_SCALE, (_INK_LEVEL, _INK_LEVEL, _INK_LEVEL), 1, cv2.LINE_AA
    )
    return np.vstack([band, picture])
