"""The background model: brightness and colour of every cell without people, how long it was observed, and its noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    as_levels,
    enlarged,
    exceeds,
    half_hw,
    halved,
    interpolated,
    invert,
)

_LEARN_S = 30.0
"""Time constant with which brightness and colour of undisturbed cells are followed."""

_LEARN_DIFFERING_S = 60.0
"""Time constant for cells that differ from the background without people: in a shadow or a patch of light."""

_NOISE_S = 20.0
"""Time constant of the noise estimate."""

_INITIAL_NOISE = 2.5
"""Mean absolute deviation of a cell, in grey levels, assumed before any was measured."""

_NOISE_MULTIPLE = 5.0
"""A cell differs from the background if it deviates by this multiple of its noise, or by `_MIN_TOLERANCE` if that is
more, or by `_MAX_TOLERANCE` if it is less."""

_MIN_TOLERANCE = 15
"""Grey levels. Below, the block artefacts that H.264 leaves behind a passer-by count as well (docs/fidelity.md)."""

_MAX_TOLERANCE = 60
"""Grey levels: a cell noisier than this still has to show a person."""

_INITIAL_TOLERANCE = 20
"""Grey levels, before the noise was measured."""

_LIGHT_SIGMA_CELLS = 5.0
"""How smooth an uneven change of light is, in cells of half a grid of 320: the sigma of a Gaussian."""

_LIGHT_GAIN = 0.7
"""Share of a measured change of light that is applied at once, so that noise is not followed."""

_LIGHT_DEAD_ZONE = 0.01
"""Changes of light below this natural logarithm of a ratio are noise."""

_MIN_LIGHT_RATIO = 0.6
"""A cell darker than this fraction of its background shows an object rather than a change of light."""

_MAX_LIGHT_RATIO = 1.6
"""A cell brighter than its background by more than this factor shows an object rather than a change of light."""

DARK_OFFSET = 4.0
"""Grey levels added to both sides of a ratio that measures a change of light, so that noise in the dark is not taken
for one."""

_SAVED_NOISE_STEPS = 4.0
"""Noise is saved in steps of a quarter of a level, up to 63 levels, which is above every tolerance."""

MIN_OBSERVED_EMPTY_S = 15.0
"""A cell's background is known once it was observed empty for this duration; before, the background may be what stands
there now, so time in the cell is not counted yet."""

_MAX_SAVED_AGE_S = 3600.0
"""Longer observation is saved as this: no decision needs more, and float16 holds it."""


def median_background(grids: Sequence[U8]) -> U8:
    """Return the per-cell median of some grids: the scene without the people who passed through it.

    All grids are uint8 of one shape (of any number of axes); the result has it too.
    Reference: temporal median filter, Lo and Velastin 2001.
    """
    middle = len(grids) // 2
    return np.asarray(np.partition(np.stack(grids), middle, axis=0)[middle], np.uint8)


def tint_of(chroma: U8, gain: float) -> F32:
    """Return Cb and Cr as float32 around 0, shape (2, height, width), normalised to an exposure of gain 1.

    `chroma`: uint8 around 128, shape (height, width, 2).
    """
    tint = np.empty((2, *chroma.shape[:2]), np.float32)
    tint[0], tint[1] = cv2.split(chroma)
    tint -= np.float32(128.0)
    tint *= np.float32(1.0 / gain)
    return tint


@dataclass(frozen=True, slots=True)
class Noise:
    """How much cells deviate from the background without people: mean absolute deviations in levels, float32."""

    luma: F32
    """Of the brightness, (height, width)."""

    tint: F32
    """Of Cb and Cr together, at half the grid."""


class BackgroundModel:
    """What each cell shows without people. Grids are (height, width); colour and age are kept at half the grid."""

    def __init__(self, luma: U8, tint: F32 | None, observed_s: F32, noise: Noise | None = None) -> None:
        """`luma`: uint8. `tint`: see `tint_of`, or None where the picture is grey.

        `observed_s`: float32 at half the grid, seconds for which each cell was observed empty. `noise`: as far as it
        was measured; None: not yet. All but `noise` owned from here on.
        """
        self._luma = luma.astype(np.float32)
        self.luma = luma
        self.half: U8 = halved(luma)
        """The brightness at half the grid."""
        self.tint = tint
        self.observed_s = observed_s
        self.noise = Noise(np.full(luma.shape, _INITIAL_NOISE, np.float32), np.zeros(self.half.shape, np.float32))
        if noise is not None:
            # The few frames of a bootstrap understate it.
            np.maximum(self.noise.luma, noise.luma, out=self.noise.luma)
            self.noise.tint[:] = noise.tint
        self.tolerance: U8 = self._tolerance(_INITIAL_TOLERANCE)
        """Grey levels by which a cell may differ from `luma` and still be background."""

    def learn(self, luma: U8, tint: F32 | None, undisturbed: U8, differing: U8, dt_s: float) -> None:
        """Follow the scene after `dt_s`: where it is `undisturbed`, more slowly where it is `differing` (255 or 0).

        Reference: exponential running average, Wren et al. 1997, Pfinder.
        """
        cv2.accumulateWeighted(luma, self._luma, _rate(dt_s, _LEARN_S), mask=undisturbed)
        cv2.accumulateWeighted(luma, self._luma, _rate(dt_s, _LEARN_DIFFERING_S), mask=differing)
        self._round()
        if tint is not None and self.tint is not None:
            undisturbed_half = exceeds(halved(undisturbed), 254)
            for known, observed in zip(self.tint, tint, strict=True):
                cv2.accumulateWeighted(observed, known, _rate(dt_s, _LEARN_S), mask=undisturbed_half)
            difference = cv2.absdiff(tint[0], self.tint[0]) + cv2.absdiff(tint[1], self.tint[1])
            cv2.accumulateWeighted(difference, self.noise.tint, _rate(dt_s, _NOISE_S), mask=undisturbed_half)
        deviation = absolute_difference(luma, self.luma)
        cv2.accumulateWeighted(deviation, self.noise.luma, _rate(dt_s, _NOISE_S), mask=undisturbed)
        self.tolerance = self._tolerance(_MIN_TOLERANCE)

    def light_change(self, luma: U8, undisturbed: U8) -> F32 | None:
        """Return the factor, above or below 1, by which to relight each cell of the background; None: no change.

        Estimated from the `undisturbed` cells (255) around, so that it is known behind people too. float32
        (height, width).
        Reference: normalised convolution, Knutsson and Westin 1993.
        """
        # So smooth a field needs no more than a quarter of the grid.
        observed, known = (
            halved(half).astype(np.float32) + np.float32(DARK_OFFSET) for half in (halved(luma), self.half)
        )
        ratio = observed / known
        usable = (halved(halved(undisturbed)) == 255) & (ratio > _MIN_LIGHT_RATIO) & (ratio < _MAX_LIGHT_RATIO)
        weight = usable.astype(np.float32)
        sigma = max(0.5, _LIGHT_SIGMA_CELLS * luma.shape[1] / 320) / 2
        logs, weights = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (cv2.log(ratio) * weight, weight))
        change = logs / np.maximum(weights, 1e-3) * np.clip(weights / 0.05, 0.0, 1.0)
        change = np.sign(change) * np.maximum(np.abs(change) - _LIGHT_DEAD_ZONE, 0.0)
        if not change.any():
            return None
        return interpolated(np.exp(_LIGHT_GAIN * change).astype(np.float32), luma.shape)

    def relight(self, factor: F32) -> None:
        """Multiply the brightness of each cell by its factor."""
        np.multiply(self._luma, factor, out=self._luma)
        np.clip(self._luma, 0.0, 255.0, out=self._luma)
        self._round()

    def replace(self, cells: U8, luma: U8, tint: F32 | None) -> None:
        """Make what is observed in `cells` (255, at half the grid) the background there."""
        cv2.copyTo(luma.astype(np.float32), enlarged(cells, luma.shape), self._luma)
        self._round()
        if tint is not None and self.tint is not None:
            self.tint[:, cells > 0] = tint[:, cells > 0]

    def _tolerance(self, least: int) -> U8:
        # Half a level less, because it rounds.
        levels = as_levels(cv2.blur(self.noise.luma, (3, 3)), _NOISE_MULTIPLE, -0.5)
        # Not cv2.min and cv2.max: with a number they give four cells for a grid of one.
        return np.clip(levels, least, _MAX_TOLERANCE).astype(np.uint8)

    def _round(self) -> None:
        self.luma = as_levels(self._luma)
        self.half = halved(self.luma)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `from_state` needs after a restart."""
        state: dict[str, NDArray[Any]] = {
            "background": self.luma,
            "observed_s": np.minimum(self.observed_s, _MAX_SAVED_AGE_S).astype(np.float16),
            "luma_noise": as_levels(self.noise.luma, _SAVED_NOISE_STEPS),
            "tint_noise": as_levels(self.noise.tint, _SAVED_NOISE_STEPS),
        }
        return state if self.tint is None else state | {"tint": self.tint.astype(np.float16)}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]], shape_hw: tuple[int, ...]) -> BackgroundModel:
        """Restore what `state` gave.

        Raises KeyError where there is no background, ValueError where it is of another grid.
        """
        luma, observed_s = np.array(state["background"], np.uint8), state["observed_s"]
        half = half_hw(shape_hw)
        tint = np.array(state["tint"], np.float32) if "tint" in state else None
        luma_noise, tint_noise = (
            np.array(state[name], np.uint8).astype(np.float32) / np.float32(_SAVED_NOISE_STEPS)
            for name in ("luma_noise", "tint_noise")
        )
        shapes = luma.shape, luma_noise.shape, observed_s.shape, tint_noise.shape
        if shapes != (shape_hw, shape_hw, half, half) or (tint is not None and tint.shape != (2, *half)):
            raise ValueError(f"saved background: expected a grid of {shape_hw}, got {luma.shape}")
        return cls(luma, tint, observed_s.astype(np.float32), Noise(luma_noise, tint_noise))


def observed_agreement_s(grids: Sequence[U8], background: U8, length_s: float) -> F32:
    """Return for how long each cell of half the grid agreed with `background` while `grids` were recorded, in seconds.

    `length_s`: the time that all `grids` together stand for.
    """
    agreement = np.zeros(half_hw(background.shape), np.float32)
    for grid in grids:
        agreement += halved(invert(exceeds(absolute_difference(grid, background), _MIN_TOLERANCE)))
    return agreement * np.float32(length_s / 255.0 / len(grids))


def _rate(dt_s: float, constant_s: float) -> float:
    return 1.0 - math.exp(-dt_s / constant_s)
