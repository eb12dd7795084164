"""Detects that a camera no longer shows its scene: covered, out of focus, moved, or turned to another place."""

from __future__ import annotations

import math

import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import resized
from edgeheat.core.health.hysteresis import Hysteresis
from edgeheat.core.health.similarity import (
    ImageFeatures,
    ReferenceImage,
    Similarity,
    extract_features,
    is_large_enough,
    limit_width,
)

# How each value was measured: docs/design/health.md.

_IDLE_INTERVAL_S = 3.0
"""Time between comparisons while nothing is suspected."""

_MAX_COMPARISON_STEP_S = 3.0
"""Longest time for which one comparison is evidence: after a longer pause it counts only as this many seconds."""

_MAX_PREVIOUS_AGE_S = 10.0
"""Largest age of a previous picture that is used to cancel noise: an older one shows other people and other light."""

_SAME_SCENE_CORRELATION = 0.3
"""Edge correlation at or above which a picture certainly shows the reference's scene."""

_OTHER_SCENE_CORRELATION = 0.2
"""Edge correlation below which a picture does not show the reference's scene in place."""

_NO_SCENE_CORRELATION = 0.15
"""Edge correlation below which nothing of the scene is visible in place."""

_COVERED_LOST_RATIO = 0.8
"""Fraction of the detailed blocks that must have lost their detail for the lens to count as covered."""

_COVERED_SHARPNESS = 0.2
"""Sharpness below which everything visible is directly in front of the lens."""

_BLURRED_SHARPNESS = 0.35
"""Sharpness below which the lens is out of focus."""

_MIN_SHIFT_RATIO = 0.01
"""Smallest shift that counts as a move, as a fraction of the picture's width."""

_MIN_SHIFT_CELLS = 2.0
"""Smallest shift that counts as a move, in cells; decides in small pictures."""

_MOVED_CORRELATION = 0.4
"""Smallest edge correlation, after the shift was undone, at which the camera counts as moved."""

_MOVED_GAIN = 0.1
"""Smallest increase of the edge correlation by undoing the shift at which the camera counts as moved."""

_SAME_SHIFT_CELLS = 1.5
"""Shifts that differ by less than this are taken as the same."""

_NIGHT_BRIGHTNESS_RATIO = 3.0
"""Brightness relative to the reference above which the reference was taken in the dark."""

_RETRY_INTERVAL_S = 10.0
"""Time until the next attempt where the background had too little detail to be the reference."""

_REFRESH_INTERVAL_S = 600.0
"""Time between checks whether the reference is outdated."""

_MIN_DETAILED_RATIO = 0.1
"""Smallest fraction of detailed blocks of a usable reference."""

_OUTDATED_CORRELATION = 0.8
"""Edge correlation below which an unmoved background looks different from the reference: the shop was refurnished."""

_REPLACEMENT_DETAIL_RATIO = 0.5
"""Smallest detail of a new reference, relative to the old one: a night picture must not replace a day picture."""

_SHARPER_RATIO = 1.5
"""Sharpness of the background relative to the reference above which the reference was taken out of focus."""


class TamperDetector:
    """Compares pictures with a reference picture: the background at a time at which nothing was suspected.

    Reference: Ribnick et al. 2006, Saglam and Temizel 2009 (camera tampering: covered, defocused and moved cameras).
    """

    def __init__(self) -> None:
        self.covered = Hysteresis(5.0, 3.0)
        self.blurred = Hysteresis(30.0, 15.0)
        self.shifted = Hysteresis(6.0, 30.0)
        """The camera was moved by `shift_cells`."""
        self.turned_away = Hysteresis(60.0, 15.0)
        """The camera shows another place."""
        self.shift_cells: tuple[float, float] | None = None
        """Shift to the right and down, in cells of the grid; constant while `shifted` is active."""
        self._reference: ReferenceImage | None = None
        self._previous: ImageFeatures | None = None
        self._last_s = -math.inf
        self._next_refresh_s = -math.inf

    def update(self, grid: U8, background: U8 | None, people: U8 | None, mono_s: float) -> None:
        """Compare a picture that is neither black nor plain; parameters as of `HealthMonitor.update`."""
        interval_s = _IDLE_INTERVAL_S if all(state.stable for state in self._states()) else 0.0
        # A tenth of tolerance: calls one second apart may come after 2.99 s.
        if mono_s - self._last_s < 0.9 * interval_s:
            return
        picture = limit_width(grid)
        if not is_large_enough(picture):
            return
        step_s = max(0.0, mono_s - self._last_s)
        features = extract_features(picture)
        previous = self._previous if self._previous is not None and step_s <= _MAX_PREVIOUS_AGE_S else features
        self._previous, self._last_s = features, mono_s
        if self._reference is not None and self._reference.picture.shape != picture.shape:
            self.reset()
        if self._reference is not None and previous.fine_detail.shape == features.fine_detail.shape:
            similarity = self._reference.compare(features, previous, _resized_like(people, picture))
            grid_cells = grid.shape[1] / picture.shape[1]
            self._update_states(similarity, grid_cells, picture.shape[1], min(step_s, _MAX_COMPARISON_STEP_S))
        if background is not None and background.shape == grid.shape and mono_s >= self._next_refresh_s:
            self._refresh_reference(limit_width(background), mono_s)

    def reset(self) -> None:
        """Drop the reference and all states; the next background becomes the reference."""
        self._reference, self.shift_cells = None, None
        self._next_refresh_s = -math.inf
        for state in self._states():
            state.reset()

    @property
    def reference(self) -> U8 | None:
        """The reference picture, uint8, at most 320 cells wide, owned by this object; None: not taken yet."""
        return None if self._reference is None else self._reference.picture

    def restore_reference(self, picture: U8) -> None:
        """Continue with a saved `reference`; raises ValueError where `picture` cannot be one."""
        if picture.dtype != np.uint8 or picture.ndim != 2 or not is_large_enough(picture):
            raise ValueError(f"expected a reference of uint8 (height, width), got {picture.dtype} {picture.shape}")
        self._reference = ReferenceImage(limit_width(picture))

    def _states(self) -> tuple[Hysteresis, ...]:
        return self.covered, self.blurred, self.shifted, self.turned_away

    def _update_states(self, similarity: Similarity, grid_cells: float, width: int, step_s: float) -> None:
        """Classify one comparison; a cell of the compared picture, `width` cells wide, is `grid_cells` of the grid."""
        lit = similarity.sharpness_ratio is not None
        sharpness = math.inf if similarity.sharpness_ratio is None else similarity.sharpness_ratio
        featureless = similarity.lost_detail_ratio >= _COVERED_LOST_RATIO
        scene_gone = (
            similarity.edge_correlation < _OTHER_SCENE_CORRELATION
            and similarity.registered_correlation < _MOVED_CORRELATION
        )
        nothing_in_place = similarity.edge_correlation < _NO_SCENE_CORRELATION
        covered = scene_gone and nothing_in_place and (featureless or sharpness < _COVERED_SHARPNESS)
        self.covered.update(covered, step_s)
        night_reference = similarity.brightness_ratio > _NIGHT_BRIGHTNESS_RATIO
        self.turned_away.update(scene_gone and not covered and lit and not night_reference, step_s)
        defocused = sharpness < _BLURRED_SHARPNESS or (featureless and lit)
        self.blurred.update(defocused and not nothing_in_place, step_s)
        self._update_shift(similarity, grid_cells, width, step_s)

    def _update_shift(self, similarity: Similarity, grid_cells: float, width: int, step_s: float) -> None:
        far = math.hypot(*similarity.shift_cells) >= max(_MIN_SHIFT_CELLS, _MIN_SHIFT_RATIO * width)
        required = max(_MOVED_CORRELATION, similarity.edge_correlation + _MOVED_GAIN)
        shifted = far and similarity.registered_correlation >= required
        if shifted:
            shift_cells = similarity.shift_cells[0] * grid_cells, similarity.shift_cells[1] * grid_cells
            same_cells = _SAME_SHIFT_CELLS * grid_cells
            if self.shift_cells is None or math.dist(shift_cells, self.shift_cells) > same_cells:
                self.shifted.restart()
                self.shift_cells = shift_cells
            if not self.shifted.active:
                self.shift_cells = shift_cells
        self.shifted.update(shifted, step_s)

    def _refresh_reference(self, background: U8, mono_s: float) -> None:
        """Replace a missing or outdated reference by the background, unless anything is suspected."""
        if not all(state.idle for state in self._states()):
            return
        self._next_refresh_s = mono_s + _REFRESH_INTERVAL_S
        if self._reference is not None:
            features = extract_features(background)
            if _is_outdated(self._reference.compare(features, features, None)):
                self._reference = ReferenceImage(background)
            return
        reference = ReferenceImage(background)
        if reference.detailed_ratio >= _MIN_DETAILED_RATIO:
            self._reference = reference
        else:
            self._next_refresh_s = mono_s + _RETRY_INTERVAL_S


def _resized_like(people: U8 | None, picture: U8) -> U8 | None:
    if people is None or people.shape == picture.shape:
        return people
    return resized(people, (picture.shape[1], picture.shape[0]))


def _is_outdated(background: Similarity) -> bool:
    """Whether the background should replace the reference.

    It should where it is the same place but looks different or is sharper, and where nothing matches because the
    reference was taken in the dark.
    A reference that still matches stays, or a camera that sinks slowly would never be detected.
    """
    if background.edge_correlation < _OTHER_SCENE_CORRELATION:
        return background.brightness_ratio > _NIGHT_BRIGHTNESS_RATIO
    moved = math.hypot(*background.shift_cells) >= _SAME_SHIFT_CELLS
    if background.edge_correlation < _SAME_SCENE_CORRELATION or moved:
        return False
    sharper = background.sharpness_ratio is not None and background.sharpness_ratio > _SHARPER_RATIO
    looks_different = background.edge_correlation < _OUTDATED_CORRELATION
    return sharper or (looks_different and background.detail_ratio >= _REPLACEMENT_DETAIL_RATIO)
