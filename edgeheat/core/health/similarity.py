"""Measures how similar two pictures of a scene are: edges, shift, detail, brightness, sharpness, and common signal."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import resized
from edgeheat.core.health.registration import correlation, edge_strength, estimate_shift

_MAX_WIDTH_CELLS = 320
"""Largest width of compared pictures; wider ones are reduced, because more cells cost time and gain nothing."""

_MIN_SIDE_CELLS = 48
"""Shortest side of a picture that can be compared; a smaller picture has too few edges."""

_BLOCK_CELLS = 16
"""Side of the blocks over which detail and brightness are averaged."""

_COARSE_BLOCK_CELLS = _BLOCK_CELLS // 4
"""Side of the same blocks in the picture at a quarter of its size."""

_UNMOVED_CORRELATION = 0.9
"""Edge correlation at or above which nothing has moved: a shift by a hundredth of the width gives 0.57 to 0.64."""

_DETAILED_RATIO = 0.5
"""A block is detailed if it has at least this fraction of the median block's detail."""

_DETAIL_FLOOR = 2.0
"""Least detail of a detailed block, in grey levels of the coarse Laplacian."""

_LOST_DETAIL_RATIO = 0.03
"""A block that keeps less than this fraction of its coarse detail has lost it; a sixth of the light leaves more."""

_DARK_BLOCK_LEVEL = 24
"""Grey level below which a block's missing detail is explained by darkness and not by an obstruction."""

_LIT_RATIO = 0.5
"""Sharpness is measured only in blocks that keep at least this fraction of their reference brightness."""

_MIN_BLOCKS_RATIO = 0.25
"""Smallest fraction of the detailed blocks that suffices for a measurement: the lit ones, or those without people."""

_SHARP_RATIO = 0.5
"""Sharpness at or above which the picture is certainly in focus; the costlier second estimate is then skipped."""

_NOISE_PERCENTILE = 5
"""Percentile of the blocks' energy that is taken as the noise: the blocks with the least detail show noise only."""

_HIDDEN_LEVEL = 128
"""Coverage by people, of 255, at or above which a block is not compared."""


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """The properties of one picture that are compared. Sizes refer to the reduced picture (`limit_width`).

    Reference: Subbarao et al. 1993 (energy of the Laplacian as focus measure).
    """

    half_size: F32
    """The picture at half its size, grey levels."""

    fine_detail: F32
    """The picture's Laplacian at full size: the detail that defocus removes first."""

    coarse_detail: F32
    """The Laplacian at a quarter of the size: detail that survives slight defocus."""

    block_brightness: F32
    """Mean grey level of each block of 16 x 16 cells."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """How a picture compares with the reference picture."""

    edge_correlation: float
    """Correlation of their edges, -1..1, independent of lighting: about 0 for another place, above 0.3 for the same."""

    shift_cells: tuple[float, float]
    """How far the picture has moved to the right and down; meaningless where `registered_correlation` is low.
    (0, 0) where the edge correlation rules out a shift."""

    registered_correlation: float
    """The edge correlation after the reference was moved by `shift_cells`."""

    lost_detail_ratio: float
    """Fraction of the reference's detailed blocks, without those under people, that lost their detail although they are
    not dark; 0..1."""

    detail_ratio: float
    """Energy of coarse detail, relative to the reference; falls with the square of the contrast."""

    brightness_ratio: float
    """Mean brightness, relative to the reference."""

    sharpness_ratio: float | None
    """Energy of fine over coarse detail, relative to the reference, in blocks that are still lit; falls with defocus,
    not with dimmed light. None where too few blocks are lit and detailed."""


def limit_width(grid: U8) -> U8:
    """Return the picture, uint8 (height, width), reduced to at most 320 cells of width; a copy, owned by the caller."""
    height, width = grid.shape
    if width <= _MAX_WIDTH_CELLS:
        return grid.copy()
    size_wh = (_MAX_WIDTH_CELLS, max(1, round(height * _MAX_WIDTH_CELLS / width)))
    return resized(grid, size_wh)


def is_large_enough(picture: U8) -> bool:
    """Return whether the picture has enough cells to be compared."""
    return bool(min(picture.shape) >= _MIN_SIDE_CELLS)


def extract_features(picture: U8) -> ImageFeatures:
    """Return the features of `picture`: uint8 (height, width), from `limit_width` and large enough."""
    quarter = _shrink(picture, 4)
    return ImageFeatures(
        half_size=_shrink(picture, 2).astype(np.float32),
        fine_detail=np.asarray(cv2.Laplacian(picture, cv2.CV_32F), np.float32),
        coarse_detail=np.asarray(cv2.Laplacian(quarter, cv2.CV_32F), np.float32),
        block_brightness=_block_means(quarter.astype(np.float32), _COARSE_BLOCK_CELLS),
    )


class ReferenceImage:
    """The undisturbed scene that later pictures are compared with.

    Reference: Ribnick et al. 2006, Saglam and Temizel 2009 (tampering found by comparison with earlier pictures).
    """

    def __init__(self, picture: U8) -> None:
        """Take over `picture`, uint8 (height, width), from `limit_width` and large enough."""
        self.picture = picture
        features = extract_features(picture)
        self._brightness = features.block_brightness
        self._edges = edge_strength(features.half_size)
        self._fine = _block_energy(features.fine_detail, features.fine_detail, _BLOCK_CELLS)
        self._coarse = _block_energy(features.coarse_detail, features.coarse_detail, _COARSE_BLOCK_CELLS)
        min_energy = max(_DETAIL_FLOOR**2, _DETAILED_RATIO * float(np.median(self._coarse)))
        self._detailed = self._coarse >= min_energy

    @property
    def detailed_ratio(self) -> float:
        """Fraction of the blocks that have detail, 0..1; with few of them the scene cannot be recognised."""
        return float(self._detailed.mean())

    def compare(self, current: ImageFeatures, previous: ImageFeatures, people: U8 | None) -> Similarity:
        """Compare two successive pictures with the reference; noise, which differs between the two, cancels out.

        Both features, and `people` (255 where people are, else 0; or None), are of the reference's size. To compare a
        single picture free of noise, pass its features twice.
        """
        edges = edge_strength((current.half_size + previous.half_size) * np.float32(0.5))
        edge_correlation = correlation(self._edges, edges)
        shift, registered_correlation = (0.0, 0.0), edge_correlation
        if edge_correlation < _UNMOVED_CORRELATION:
            (dx, dy), registered_correlation = estimate_shift(self._edges, edges)
            cells = self.picture.shape[1] / edges.shape[1]
            shift = dx * cells, dy * cells
        coarse = _block_energy(current.coarse_detail, previous.coarse_detail, _COARSE_BLOCK_CELLS)
        compared = self._compared_blocks(people)
        lost = (coarse < _LOST_DETAIL_RATIO * self._coarse) & (current.block_brightness >= _DARK_BLOCK_LEVEL)
        lit = compared & (current.block_brightness >= _LIT_RATIO * self._brightness)
        enough_lit = np.count_nonzero(lit) >= max(1.0, _MIN_BLOCKS_RATIO * np.count_nonzero(self._detailed))
        return Similarity(
            edge_correlation=edge_correlation,
            shift_cells=shift,
            registered_correlation=registered_correlation,
            lost_detail_ratio=float(lost[compared].mean()) if compared.any() else 0.0,
            detail_ratio=_ratio(coarse[compared], self._coarse[compared]),
            brightness_ratio=_ratio(current.block_brightness, self._brightness),
            sharpness_ratio=self._sharpness(current, previous, coarse, lit) if enough_lit else None,
        )

    def _sharpness(self, current: ImageFeatures, previous: ImageFeatures, coarse: F32, lit: NDArray[np.bool_]) -> float:
        """Return the larger of two estimates of sharpness: from what two pictures share, and from one picture
        without its noise.

        The first is free of noise, but a camera that trembles shares little detail between pictures; so where it
        indicates defocus, the second is computed too.
        """
        shared_ratio = self._fine_to_coarse(
            _block_energy(current.fine_detail, previous.fine_detail, _BLOCK_CELLS), coarse, lit
        )
        if shared_ratio >= _SHARP_RATIO:
            return shared_ratio
        fine = _block_energy(current.fine_detail, current.fine_detail, _BLOCK_CELLS)
        fine -= np.percentile(fine, _NOISE_PERCENTILE)
        own_coarse = _block_energy(current.coarse_detail, current.coarse_detail, _COARSE_BLOCK_CELLS)
        return max(shared_ratio, self._fine_to_coarse(fine, own_coarse, lit))

    def _fine_to_coarse(self, fine: F32, coarse: F32, lit: NDArray[np.bool_]) -> float:
        return _ratio(fine[lit], self._fine[lit]) / max(1e-6, _ratio(coarse[lit], self._coarse[lit]))

    def _compared_blocks(self, people: U8 | None) -> NDArray[np.bool_]:
        """Return the detailed blocks without people, or all detailed blocks where too few remain."""
        if people is None:
            return self._detailed
        covered = _block_means(_shrink(people, 4).astype(np.float32), _COARSE_BLOCK_CELLS)
        free = self._detailed & (covered < _HIDDEN_LEVEL)
        enough = np.count_nonzero(free) >= _MIN_BLOCKS_RATIO * np.count_nonzero(self._detailed)
        return free if enough else self._detailed


def make_thumbnail(grid: U8) -> U8:
    """Return the picture at half its size and at most 160 cells wide, enough to detect black, plain and noisy ones.

    uint8 (height, width), owned by the caller.
    """
    width = min(_MAX_WIDTH_CELLS, grid.shape[1])
    size_wh = (max(1, width // 2), max(1, round(grid.shape[0] * width / grid.shape[1] / 2)))
    return resized(grid, size_wh)


def shared_signal(current: U8, previous: U8) -> tuple[float, float]:
    """Return what two thumbnails of one shape have in common: its standard deviation and their correlation.

    The first is in grey levels, the second within 0..1. Noise, which the two do not share, cancels out.

    Reference: Pearson 1895 (covariance and correlation coefficient).
    """
    first, second = current - np.float32(current.mean()), previous - np.float32(previous.mean())
    common = max(0.0, float((first * second).mean()))
    power = float((first * first).mean()) * float((second * second).mean())
    return common**0.5, common / power**0.5 if power > 0 else 0.0


def _shrink(picture: U8, factor: int) -> U8:
    height, width = picture.shape
    size_wh = (max(1, width // factor), max(1, height // factor))
    return resized(picture, size_wh)


def _block_energy(first: F32, second: F32, block_cells: int) -> F32:
    """Return the mean product of two arrays in each block."""
    return _block_means(first * second, block_cells)


def _block_means(values: F32, block_cells: int) -> F32:
    """Return the mean of each block, without incomplete blocks at the right and lower edge.

    By einsum, because OpenCV's INTER_AREA takes four times as long.
    """
    rows, columns = values.shape[0] // block_cells, values.shape[1] // block_cells
    blocks = values[: rows * block_cells, : columns * block_cells].reshape(rows, block_cells, columns, block_cells)
    return np.asarray(np.einsum("iajb->ij", blocks) / block_cells**2, np.float32)


def _ratio(part: F32, whole: F32) -> float:
    total = float(whole.sum())
    return max(0.0, float(part.sum())) / total if total > 0 else 0.0
