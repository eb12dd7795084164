"""Draws a scene as one row: a frame, the truth, edgeheat and the best rival, each heat by edgeheat's own renderer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.fidelity.measures import AnyMap, on_grid
from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.heatmap import draw
from edgeheat.defs.params import Style

GLIMPSE_WH: SizeWH = (320, 180)
_GLIMPSE_EVERY_S = 5.0
_STYLE = replace(Style(), legend=False, title=False)
_GAP, _BAND = 6, 24
_PAPER, _INK = 255, 30
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.48
_QUALITY = 80


class Glimpses:
    """Small pictures from along a recording."""

    def __init__(self) -> None:
        self.taken: list[U8] = []
        """BGR of GLIMPSE_WH, one of every five seconds."""

    def add(self, frame: Frame) -> None:
        """Take the frame's picture if one is due."""
        if frame.mono_s >= len(self.taken) * _GLIMPSE_EVERY_S:
            self.taken.append(frame.colour(GLIMPSE_WH))


def row(glimpses: Sequence[U8], heats: Sequence[tuple[str, AnyMap]]) -> U8:
    """Return the picture of one scene, BGR.

    glimpses: pictures from along the recording, BGR of GLIMPSE_WH; at least one.
    heats: label and map of each panel after the first, of any unit: each is drawn with its own greatest value as top.
    """
    usual = np.asarray(np.median(np.stack(glimpses), axis=0), np.uint8)
    panels = [("a frame", telling(glimpses, usual))]
    panels += [(label, draw(_grid(heat), usual, _STYLE, GLIMPSE_WH)) for label, heat in heats]
    return beside([_labelled(label, picture) for label, picture in panels])


def telling(glimpses: Sequence[U8], usual: U8) -> U8:
    """Return the picture that differs most from the usual look."""
    return max(glimpses, key=lambda picture: float(cv2.absdiff(picture, usual).mean()))


def encode(picture: U8) -> bytes:
    """Return it as JPEG."""
    written, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not written:
        raise ValueError(f"a picture of {picture.shape} cannot be written as JPEG")
    return data.tobytes()


def beside(panels: Sequence[U8]) -> U8:
    """Put pictures of one height beside one another, with a gap between."""
    gap = np.full((panels[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    parted = [part for panel in panels for part in (gap, panel)][1:]
    return np.hstack(parted)


def _grid(heat: AnyMap) -> HeatGrid:
    return HeatGrid(on_grid(heat).astype(np.float32), 1.0, 1.0)


def _labelled(label: str, picture: U8) -> U8:
    band = np.full((_BAND, picture.shape[1], 3), _PAPER, np.uint8)
    cv2.putText(band, label, (2, _BAND - 8), _FONT, _FONT_SCALE, (_INK, _INK, _INK), 1, cv2.LINE_AA)
    return np.vstack([band, picture])
