"""Notices when a camera's picture gets another resolution or shape on the grid, so that its background is another."""

from __future__ import annotations

import logging
from typing import Literal

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.grid.letterbox import covered, size_wh

_log = logging.getLogger(__name__)

_LASTING_S = 1.0
"""A new resolution counts once it has lasted this long; until then its frames are not used."""

_SHARP_PX_PER_CELL = 0.9
"""Pixels per cell, in each direction, from which on more pixels make no difference on the grid."""


class ResolutionMonitor:
    """Compares the size of each picture with that of those from which the background is known."""

    def __init__(self, name: str, picture_wh: SizeWH, grid_wh: SizeWH) -> None:
        """`name`: of the camera, for the log. `picture_wh`: width and height of the first picture."""
        self._name = name
        self._grid_wh = grid_wh
        self._current_wh = picture_wh
        self._new: tuple[SizeWH, float] | None = None
        self._logged = {picture_wh}

    def update(self, picture_wh: SizeWH, mono_s: float) -> Literal["same", "unsettled", "changed"]:
        """Return how a picture compares; "changed" once per change, and then it is the one to compare with.

        Sizes of one shape with at least a pixel per cell are the same.
        """
        if self._look(picture_wh) == self._look(self._current_wh):
            self._new = None
            return "same"
        if self._new is None or self._new[0] != picture_wh:
            self._new = picture_wh, mono_s
            self._log_change(picture_wh)
        if mono_s - self._new[1] < _LASTING_S:
            return "unsettled"
        self._current_wh, self._new = picture_wh, None
        return "changed"

    @property
    def is_coarse(self) -> bool:
        """Whether the picture has fewer pixels than the grid has cells, so that it is blurred there."""
        return self._look(self._current_wh)[1] is not None

    def _look(self, picture_wh: SizeWH) -> tuple[tuple[slice, slice] | None, SizeWH | None]:
        """Return the part of the grid that is covered, None for all of it, and the size if it blurs the grid."""
        area = covered(picture_wh, self._grid_wh)
        cells_wh = self._grid_wh if area is None else size_wh(area)
        sharp = picture_wh[0] >= _SHARP_PX_PER_CELL * cells_wh[0] and picture_wh[1] >= _SHARP_PX_PER_CELL * cells_wh[1]
        return area, None if sharp else picture_wh

    def _log_change(self, picture_wh: SizeWH) -> None:
        if picture_wh in self._logged:
            return  # where the size changes back and forth
        self._logged.add(picture_wh)
        area, coarse_wh = self._look(picture_wh)
        consequences = [f"it is used once that has lasted for {_LASTING_S:g} s, and its background is learned again"]
        if area is not None:
            consequences.append("it is fitted between black bars, not stretched, and nothing counts there")
        if coarse_wh is not None:
            consequences.append(f"people far away may be missed, because the grid has {self._grid_wh[0]} cells a row")
        _log.warning(
            "%s: the picture has %dx%d pixels now, before %dx%d: %s",
            self._name,
            *picture_wh,
            *self._current_wh,
            "; ".join(consequences),
        )
