"""Compares a picture with the scene it should show: is it there, how far off, and what is left of its detail."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.health.registration import correlation, edges_of, estimate_shift

_WIDEST_CELLS = 320
"""A wider picture is shrunk to this: more would cost more and tell no more."""

_SMALLEST_CELLS = 48
"""A picture with a shorter side has too few edges to recognise it by."""

_BLOCK_CELLS = 16
_COARSE_BLOCK = _BLOCK_CELLS // 4
_SAME_FIT = 0.9
"""Where edges fit so well, nothing has moved by as much as a hundredth of the width (0.57 to 0.64 on test scenes)."""

_DETAILED_RATIO = 0.5
"""Blocks with this share of the median block's detail, and that of a few grey levels, are what a loss is judged by."""
_DETAIL_FLOOR = 2.0

_LOST_RATIO = 0.03
"""A block that keeps less of its coarse detail is lost: lamps at a sixth of their light leave it more."""

_BLACK_BELOW = 24
"""Grey levels: what a block has lost in the dark is not hidden by anything."""

_LIT_RATIO = 0.5
"""Sharpness is judged where this share of the scene's brightness is left: what lies in the dark is not blurred."""

_CLEARLY_SHARP = 0.5
_PLAINEST_PERCENT = 5

_HIDDEN = 128
"""Of 255: blocks that people cover to this share say nothing about the scene's detail."""


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """What a picture is compared by; arrays owned by it. Sizes are of the picture, at most 320 cells wide."""

    half: F32
    """The picture at half its size, grey levels."""

    fine: F32
    """Its Laplacian, full size: the detail that a lens out of focus loses first."""

    coarse: F32
    """The Laplacian at a quarter of the size: detail that survives a slight loss of focus."""

    light: F32
    """Mean brightness of each block of 16 x 16 cells."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """How a picture compares with the reference."""

    fit: float
    """Correlation of their edges, -1..1, whatever the light: about 0 for another place, over 0.3 for the same one."""

    shift_cells: tuple[float, float]
    """How far the picture has moved to the right and down; says nothing where `shifted_fit` is low.
    (0, 0) where the fit leaves no doubt."""

    shifted_fit: float
    """The correlation once the reference is moved by that."""

    lost_ratio: float
    """Share of the reference's detailed blocks, those under people left out, whose detail is gone though they are not
    black; 0..1."""

    detail_ratio: float
    """Coarse detail, as a share of the reference's; falls with the square of the contrast."""

    light_ratio: float
    """Mean brightness, as a share of the reference's."""

    sharpness_ratio: float | None
    """Fine detail as a share of the coarse, relative to the reference, in blocks that are still lit; falls with the
    focus, not with the light. None where too little is lit or bears detail."""


def to_work(grid: U8) -> U8:
    """Return the grid, at most 320 cells wide; a copy, owned by the caller."""
    height, width = grid.shape
    if width <= _WIDEST_CELLS:
        return grid.copy()
    size_wh = (_WIDEST_CELLS, max(1, round(height * _WIDEST_CELLS / width)))
    return np.asarray(cv2.resize(grid, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def comparable(picture: U8) -> bool:
    """Whether the picture is large enough to be sketched."""
    return bool(min(picture.shape) >= _SMALLEST_CELLS)


def extract_features(picture: U8) -> ImageFeatures:
    """Return what `picture`, uint8, `comparable` and from `to_work`, is compared by."""
    half = _shrunk(picture, 2)
    quarter = _shrunk(picture, 4)
    return ImageFeatures(
        half=half.astype(np.float32),
        fine=np.asarray(cv2.Laplacian(picture, cv2.CV_32F), np.float32),
        coarse=np.asarray(cv2.Laplacian(quarter, cv2.CV_32F), np.float32),
        light=_block_means(quarter.astype(np.float32), _COARSE_BLOCK),
    )


class ReferenceImage:
    """The scene as it should look."""

    def __init__(self, picture: U8) -> None:
        """Keep `picture`, a `comparable` one from `to_work`; owned by this object."""
        self.picture = picture
        drawn = extract_features(picture)
        self._light = drawn.light
        self._edges = edges_of(drawn.half)
        self._fine = _energy(drawn.fine, drawn.fine, _BLOCK_CELLS)
        self._coarse = _energy(drawn.coarse, drawn.coarse, _COARSE_BLOCK)
        enough = max(_DETAIL_FLOOR**2, _DETAILED_RATIO * float(np.median(self._coarse)))
        self._detailed = self._coarse >= enough

    @property
    def detailed_ratio(self) -> float:
        """Share of the picture that bears detail, 0..1; with little of it nothing can be recognised."""
        return float(self._detailed.mean())

    def compare(self, now: ImageFeatures, before: ImageFeatures, people: U8 | None) -> Similarity:
        """Compare two looks at the camera; what only one of them shows, such as noise, cancels out.

        Both of the reference's size; `people` too: 255 where people are, else 0, or None.
        """
        edges = edges_of((now.half + before.half) * np.float32(0.5))
        fit = correlation(self._edges, edges)
        shift, shifted_fit = (0.0, 0.0), fit
        if fit < _SAME_FIT:
            (dx, dy), shifted_fit = estimate_shift(self._edges, edges)
            cells = self.picture.shape[1] / edges.shape[1]
            shift = dx * cells, dy * cells
        coarse = _energy(now.coarse, before.coarse, _COARSE_BLOCK)
        judged = self._judged(people)
        lost = (coarse < _LOST_RATIO * self._coarse) & (now.light >= _BLACK_BELOW)
        lit = judged & (now.light >= _LIT_RATIO * self._light)
        enough_lit = np.count_nonzero(lit) >= max(1.0, 0.25 * np.count_nonzero(self._detailed))
        return Similarity(
            fit=fit,
            shift_cells=shift,
            shifted_fit=shifted_fit,
            lost_ratio=float(lost[judged].mean()) if judged.any() else 0.0,
            detail_ratio=_ratio(coarse[judged], self._coarse[judged]),
            light_ratio=_ratio(now.light, self._light),
            sharpness_ratio=self._sharpness(now, before, coarse, lit) if enough_lit else None,
        )

    def _sharpness(self, now: ImageFeatures, before: ImageFeatures, coarse: F32, lit: NDArray[np.bool_]) -> float:
        """What two looks share is free of noise, but of a camera that trembles they share little.

        So where that looks blurred, one look counts as well, less the noise, which is all there is in the plainest
        blocks.
        """
        shared_ratio = self._relative(_energy(now.fine, before.fine, _BLOCK_CELLS), coarse, lit)
        if shared_ratio >= _CLEARLY_SHARP:
            return shared_ratio
        own = _energy(now.fine, now.fine, _BLOCK_CELLS)
        own -= np.percentile(own, _PLAINEST_PERCENT)
        return max(shared_ratio, self._relative(own, _energy(now.coarse, now.coarse, _COARSE_BLOCK), lit))

    def _relative(self, fine: F32, coarse: F32, lit: NDArray[np.bool_]) -> float:
        return _ratio(fine[lit], self._fine[lit]) / max(1e-6, _ratio(coarse[lit], self._coarse[lit]))

    def _judged(self, people: U8 | None) -> NDArray[np.bool_]:
        """The detailed blocks not under people; all of them where too few are left, for then it is hardly people."""
        if people is None:
            return self._detailed
        covered = _block_means(_shrunk(people, 4).astype(np.float32), _COARSE_BLOCK)
        free = self._detailed & (covered < _HIDDEN)
        return free if np.count_nonzero(free) >= 0.25 * np.count_nonzero(self._detailed) else self._detailed


def to_glance(grid: U8) -> U8:
    """Return the grid at half its size, 160 cells wide at most: enough to tell black, plain and noise; owned."""
    width = min(_WIDEST_CELLS, grid.shape[1])
    size_wh = (max(1, width // 2), max(1, round(grid.shape[0] * width / grid.shape[1] / 2)))
    return np.asarray(cv2.resize(grid, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def shared(now: U8, before: U8) -> tuple[float, float]:
    """Return what two glances have in common: the standard deviation of it in grey levels, and their correlation, 0..1.

    Noise, which they don't share, cancels out. Both of one shape.
    """
    first, second = now - np.float32(now.mean()), before - np.float32(before.mean())
    common = max(0.0, float((first * second).mean()))
    power = float((first * first).mean()) * float((second * second).mean())
    return common**0.5, common / power**0.5 if power > 0 else 0.0


def _shrunk(picture: U8, times: int) -> U8:
    height, width = picture.shape
    size_wh = (max(1, width // times), max(1, height // times))
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _energy(first: F32, second: F32, block_cells: int) -> F32:
    """Mean product in each block."""
    return _block_means(first * second, block_cells)


def _block_means(values: F32, block_cells: int) -> F32:
    """The rest of a block at the right and lower edge is left out. OpenCV's INTER_AREA takes four times as long."""
    rows, columns = values.shape[0] // block_cells, values.shape[1] // block_cells
    blocks = values[: rows * block_cells, : columns * block_cells].reshape(rows, block_cells, columns, block_cells)
    return np.asarray(np.einsum("iajb->ij", blocks) / block_cells**2, np.float32)


def _ratio(part: F32, whole: F32) -> float:
    total = float(whole.sum())
    return max(0.0, float(part.sum())) / total if total > 0 else 0.0
