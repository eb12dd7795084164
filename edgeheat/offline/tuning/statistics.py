"""Accumulates statistics of a recording: seconds per class of cells, sizes and overlap of people, noise, flicker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.grid.frames import F32, F64, U8
from edgeheat.core.grid.masks import MotionMask, dilated
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.packing import pack_array, unpack_array
from edgeheat.defs.events import CellRejection, FrameRejection
from edgeheat.offline.tuning.explanation import CELL_CLASSES, CODES, CellClass, class_codes

_GROUP_CELLS = 9
"""Blobs closer than this are counted as one: head and legs of a person, or a family."""

_DISCARDED_RATIO = 0.5
"""A cell is shown as discarded only if more than this fraction of its pending time never counted."""

_DISCARDED_MS = 1000
"""A cell is shown as discarded only if more than this pending time, in milliseconds, never counted."""

_MAX_FRAME_GAP_S = 1.0
"""Frames farther apart are not compared with one another."""

_REJECTED_CLASSES: tuple[CellClass, ...] = ("shadow", "speck", "flicker", "masked")
"""Classes that are rejected at once; whether `staying` counts is known only later."""

_MIN_QUIET_RATIO = 0.1
"""Noise is measured in frames in which at least this fraction of the picture is far from any foreground."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """How one analysed frame was classified."""

    mono_s: float
    dt_s: float
    """Seconds since the previous analysed frame, counted or not."""

    codes: bytes
    """Packed result of `explanation.class_codes`."""

    cells: Mapping[CellClass, int]
    """Number of cells of each class."""

    rejection: FrameRejection | None
    """Why the whole frame was rejected; None: it was counted."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of a whole recording."""

    length_s: float
    """Seconds from the first analysed frame to the last."""

    observed_s: float
    """Seconds of `length_s` that count as observed."""

    class_cell_s: Mapping[CellClass, float]
    """Seconds summed over cells; each second of a cell belongs to one class. Without `text`, which is background."""

    rejected_s: Mapping[FrameRejection, float]
    """Seconds in which whole frames were rejected, by reason."""

    rejected_cell_s: Mapping[CellRejection, float]
    """Rejected seconds summed over cells, by reason."""

    people: F64
    """Shape (blobs, 2): cells of each counted blob in each frame, and its lower edge, from 0 (top) to 1 (bottom)."""

    speck_ratio: float
    """Fraction of the picture covered by specks, mean over frames."""

    speckled_ratio: float
    """Fraction of the picture in which specks occurred at any time."""

    overlap_ratio: float | None
    """Fraction of the moving cells that people covered one frame earlier, median over frames; None: nothing moved."""

    noise_levels: float | None
    """Standard deviation of a cell's noise, in grey levels; None: it could not be measured."""

    screen_text_ratio: float
    """Fraction of the picture in which the camera writes its clock."""

    flicker_s: F32
    """Seconds rejected by the flicker mask, shape (grid height, grid width)."""

    traffic_s: F32
    """Seconds of movement, same shape."""


class RecordingStatistics:
    """Accumulates the detections of one recording, in their order."""

    def __init__(self, zones: ZoneMasks) -> None:
        """zones: of the recording's camera, on its grid."""
        shape_hw = zones.counted.shape
        self.zones = zones
        self.records: list[FrameRecord] = []
        """One for each analysed frame, in their order."""
        self._observed_s = 0.0
        self._rejected_frames_s: dict[FrameRejection, float] = {}
        self._rejected_cells_s: dict[CellRejection, float] = {}
        self._rejected_class_cell_s: dict[CellClass, float] = dict.fromkeys(_REJECTED_CLASSES, 0.0)
        self._pending_ms: NDArray[np.int64] = np.zeros(shape_hw, np.int64)
        """Time per cell that was staying or pending; `_dwell_ms` of it was confirmed."""
        self._dwell_ms: NDArray[np.int64] = np.zeros(shape_hw, np.int64)
        self._flicker_s: F32 = np.zeros(shape_hw, np.float32)
        self._traffic_s: F32 = np.zeros(shape_hw, np.float32)
        self._speckled: NDArray[np.bool_] = np.zeros(shape_hw, np.bool_)
        self._speck_ratios: list[float] = []
        self._people_blobs: list[F64] = []
        self._overlaps: list[float] = []
        self._noise_levels: list[float] = []
        self._previous_cells: U8 | None = None
        self._previous_grid: tuple[float, U8] | None = None
        self.screen_text: U8 | None = None
        """The cells in which the camera writes its clock, 255 or 0, as known at the end; None: there are none."""

    def add(self, detection: Detection, mask: MotionMask) -> None:
        """Add one detection and what was counted of it; to be passed to `CameraPipeline` as `on_detection`."""
        if mask.dwell_ms is not None:
            self._dwell_ms += mask.dwell_ms
        if mask.moved_ms is not None:
            # At first this time was pending as staying, because movement could not be distinguished from it.
            self._pending_ms -= mask.moved_ms
            self._traffic_s += (mask.moved_ms / 1000.0).astype(np.float32)
        if self.records and mask.mono_s <= self.records[-1].mono_s:
            return  # the end of the run only confirms what was pending
        codes = class_codes(detection, self.zones.counted)
        counts = np.bincount(codes.ravel(), minlength=len(CELL_CLASSES) + 1)
        cells = {cell_class: int(counts[code]) for cell_class, code in CODES.items()}
        since_s = mask.mono_s - self.records[-1].mono_s if self.records else 0.0
        packed = pack_array(codes)
        self.records.append(FrameRecord(mask.mono_s, since_s, packed, cells, detection.rejection))
        if detection.rejection is None:
            self._observed_s += mask.dt_s
            for cell_class in _REJECTED_CLASSES:
                self._rejected_class_cell_s[cell_class] += cells[cell_class] * mask.dt_s
            self._add_cells(codes, mask.dt_s)
            self._add_blobs(detection, mask.dt_s)
        self._previous_cells = detection.cells if detection.rejection is None else None

    def add_grid(self, grid: U8, mono_s: float) -> None:
        """Add the picture of the frame that was added last, to measure its noise; kept, not copied."""
        if not self.records or self.records[-1].mono_s != mono_s:
            return  # the background is not known yet
        previous, self._previous_grid = self._previous_grid, (mono_s, grid)
        if previous is None or mono_s - previous[0] > _MAX_FRAME_GAP_S or self.records[-1].rejection is not None:
            return
        quiet = dilated((self.codes_at(-1) > 0).astype(np.uint8), 2 * _GROUP_CELLS) == 0
        if quiet.mean() > _MIN_QUIET_RATIO:
            # Two independent normal values differ by 2 / sqrt(pi) standard deviations on average.
            differences = cv2.absdiff(grid, previous[1])[quiet]
            self._noise_levels.append(float(differences.mean()) * float(np.sqrt(np.pi)) / 2)

    def codes_at(self, index: int) -> U8:
        """Return the class of each cell in one record, as `explanation.class_codes` does; owned by the caller."""
        return unpack_array(self.records[index].codes, self._pending_ms.shape, np.uint8)

    def final_codes_at(self, index: int) -> U8:
        """Return the class of each cell as known at the end, with `discarded` for what stayed and never counted.

        Owned by the caller.
        """
        codes = self.codes_at(index)
        lost_ms = self._pending_ms - self._dwell_ms
        discarded = (lost_ms > _DISCARDED_RATIO * self._pending_ms) & (lost_ms > _DISCARDED_MS)
        codes[discarded & (codes == CODES["staying"])] = CODES["discarded"]
        if self.screen_text is not None:
            codes[(self.screen_text > 0) & (codes == 0)] = CODES["text"]
        return codes

    def add_rejected(self, rejected: RejectedTime) -> None:
        """Add the rejected time of one report of the pipeline."""
        for frame_reason, seconds in rejected.frames_s.items():
            self._rejected_frames_s[frame_reason] = self._rejected_frames_s.get(frame_reason, 0.0) + seconds
        for cell_reason, cell_s in rejected.cells_s.items():
            self._rejected_cells_s[cell_reason] = self._rejected_cells_s.get(cell_reason, 0.0) + cell_s

    def summary(self) -> Summary:
        """Return the totals of the run."""
        # The pipeline's own sums cover the whole picture: they would count shadows outside the zones twice.
        class_cell_s: dict[CellClass, float] = {
            "traffic": float(self._traffic_s.sum()),
            "staying": float(self._dwell_ms.sum()) / 1000.0,
            "discarded": float(np.maximum(self._pending_ms - self._dwell_ms, 0).sum()) / 1000.0,
            **self._rejected_class_cell_s,
        }
        return Summary(
            length_s=self.records[-1].mono_s - self.records[0].mono_s,
            observed_s=self._observed_s,
            class_cell_s=class_cell_s,
            rejected_s=self._rejected_frames_s,
            rejected_cell_s=self._rejected_cells_s,
            people=np.concatenate(self._people_blobs) if self._people_blobs else np.zeros((0, 2)),
            speck_ratio=float(np.mean(self._speck_ratios)) if self._speck_ratios else 0.0,
            speckled_ratio=float(self._speckled.mean()),
            overlap_ratio=float(np.median(self._overlaps)) if self._overlaps else None,
            noise_levels=float(np.median(self._noise_levels)) if self._noise_levels else None,
            screen_text_ratio=0.0 if self.screen_text is None else float((self.screen_text > 0).mean()),
            flicker_s=self._flicker_s,
            traffic_s=self._traffic_s,
        )

    def _add_cells(self, codes: U8, dt_s: float) -> None:
        self._pending_ms[codes == CODES["staying"]] += round(dt_s * 1000)
        self._flicker_s[codes == CODES["flicker"]] += np.float32(dt_s)
        self._traffic_s[codes == CODES["traffic"]] += np.float32(dt_s)
        specks = codes == CODES["speck"]
        self._speckled |= specks
        self._speck_ratios.append(float(specks.mean()))

    def _add_blobs(self, detection: Detection, dt_s: float) -> None:
        height = detection.cells.shape[0]
        _, labels, stats, _ = cv2.connectedComponentsWithStats(dilated(detection.cells, _GROUP_CELLS), connectivity=8)
        sizes = np.bincount(labels[detection.cells > 0].ravel(), minlength=len(stats))[1:]
        lower = (stats[1:, cv2.CC_STAT_TOP] + stats[1:, cv2.CC_STAT_HEIGHT]) / height
        if len(sizes):
            self._people_blobs.append(np.stack([sizes, lower], axis=1).astype(np.float64))
        moving = cv2.countNonZero(detection.moving)
        if moving and self._previous_cells is not None and 0.0 < dt_s <= _MAX_FRAME_GAP_S:
            self._overlaps.append(cv2.countNonZero(cv2.bitwise_and(detection.moving, self._previous_cells)) / moving)
