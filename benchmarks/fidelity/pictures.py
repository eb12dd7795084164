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
_SAMPLE_EVERY_S = 5.0
_STYLE = replace(Style(), legend=False, title=False)
_GAP, _BAND = 6, 24
_PAPER, _INK = 255, 30
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.48
_QUALITY = 80


class SampledPictures:
    """Small pictures sampled from a recording at a fixed interval."""

    def __init__(self) -> None:
        self.taken: list[U8] = []
        """BGR uint8 of SAMPLE_WH, one per five seconds."""

    def add(self, frame: Frame) -> None:
        """Sample the frame's picture if one is due."""
        if frame.mono_s >= len(self.taken) * _SAMPLE_EVERY_S:
            self.taken.append(frame.colour(SAMPLE_WH))


def row(samples: Sequence[U8], heats: Sequence[tuple[str, AnyMap]]) -> U8:
    """Return the picture of one scene, BGR.

    samples: pictures of the recording, BGR uint8 of SAMPLE_WH; at least one.
    heats: label and map of each further panel, in any unit: its maximum is the top of the colour scale.
    """
    usual = np.asarray(np.median(np.stack(samples), axis=0), np.uint8)
    panels = [("a frame", most_different(samples, usual))]
    panels += [(label, draw(_grid(heat), usual, _STYLE, SAMPLE_WH)) for label, heat in heats]
    return side_by_side([_labelled(label, picture) for label, picture in panels])


def most_different(samples: Sequence[U8], usual: U8) -> U8:
    """Return the picture that differs most from `usual`, the median of the recording."""
    return max(samples, key=lambda picture: float(cv2.absdiff(picture, usual).mean()))


def encode(picture: U8) -> bytes:
    """Return the picture as JPEG; raises ValueError if OpenCV cannot encode it."""
    written, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not written:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as JPEG")
    return data.tobytes()


def side_by_side(panels: Sequence[U8]) -> U8:
    """Return pictures of one height side by side, with a gap between."""
    gap = np.full((panels[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    parted = [part for panel in panels for part in (gap, panel)][1:]
    return np.hstack(parted)


def _grid(heat: AnyMap) -> HeatGrid:
    return HeatGrid(on_grid(heat).astype(np.float32), 1.0, 1.0)


def _labelled(label: str, picture: U8) -> U8:
    band = np.full((_BAND, picture.shape[1], 3), _PAPER, np.uint8)
    cv2.putText(band, label, (2, _BAND - 8), _FONT, _FONT_SCALE, (_INK, _INK, _INK), 1, cv2.LINE_AA)
    return np.vstack([band, picture])
