"""Adds up what the engine made of a whole recording: how long each part was seen, how large, how fast, and where."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import MotionMask, dilated
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.defs.events import CellRejection, FrameRejection
from edgeheat.offline.tuning.explanation import CODES, PARTS, Part, part_codes

_APART_CELLS = 9
"""Blobs closer than this are one: the head and the legs of somebody, a family."""

_GIVEN_UP_RATIO, _GIVEN_UP_MS = 0.5, 1000
_SLOWEST_STEP_S = 1.0
_LEFT_OUT_AT_ONCE: tuple[Part, ...] = ("shadow", "speck", "flicker", "masked")

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """What one analysed frame showed."""

    mono_s: float
    dt_s: float
    """Seconds since the analysed frame before it, whether they were counted or not."""

    codes: bytes
    """See `explain.part_codes`; packed."""

    cells: Mapping[Part, int]
    """How many cells were judged to be each part."""

    rejection: FrameRejection | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a recording showed, all in all."""

    length_s: float
    """From the first analysed frame to the last."""

    judged_s: float
    """Of these, those that count as observed."""

    part_cell_s: Mapping[Part, float]
    """Seconds summed over cells; no second of a cell is in two parts."""

    rejected_s: Mapping[FrameRejection, float]
    rejected_cell_s: Mapping[CellRejection, float]

    people: F64
    """Of each counted blob in each frame: its cells, and where its lower edge is, 0 top to 1; shape (blobs, 2)."""

    speck_ratio: float
    """Share of the picture that specks take up in the mean frame."""

    speckled_ratio: float
    """Share of the picture in which specks were seen at all."""

    overlap_ratio: float | None
    """How much of what moves was covered by people in the frame before, in the middle frame; None: nothing moved."""

    noise_levels: float | None
    """Standard deviation of a cell without people, in grey levels; None: not known."""

    flicker_s: F32
    """Seconds that the flicker mask left out, shape (grid height, grid width)."""

    traffic_s: F32
    """Seconds of movement, the same shape."""


class RecordingStatistics:
    """Takes in the judgements of one recording, in their order."""

    def __init__(self, zones: ZoneMasks) -> None:
        shape_hw = zones.counted.shape
        self.zones = zones
        self.records: list[FrameRecord] = []
        self._judged_s = 0.0
        self._rejected_s: dict[FrameRejection, float] = {}
        self._rejected_cell_s: dict[CellRejection, float] = {}
        self._left_out_cell_s: dict[Part, float] = dict.fromkeys(_LEFT_OUT_AT_ONCE, 0.0)
        self._held_ms: NDArray[np.int64] = np.zeros(shape_hw, np.int64)
        self._dwell_ms: NDArray[np.int64] = np.zeros(shape_hw, np.int64)
        self._flicker_s: F32 = np.zeros(shape_hw, np.float32)
        self._traffic_s: F32 = np.zeros(shape_hw, np.float32)
        self._speckled: NDArray[np.bool_] = np.zeros(shape_hw, np.bool_)
        self._specks: list[float] = []
        self._people: list[F64] = []
        self._overlaps: list[float] = []
        self._noises: list[float] = []
        self._before: U8 | None = None
        self._grid_before: tuple[float, U8] | None = None

    def add(self, judged: Detection, mask: MotionMask) -> None:
        """Take in one judgement; fits `CameraPipeline`'s `on_detection`."""
        if mask.dwell_ms is not None:
            self._dwell_ms += mask.dwell_ms
        if mask.moved_ms is not None:
            # It was among the held ones as staying, because it could not be told then.
            self._held_ms -= mask.moved_ms
            self._traffic_s += (mask.moved_ms / 1000.0).astype(np.float32)
        if self.records and mask.mono_s <= self.records[-1].mono_s:
            return  # the end of the run, which only brings what was still held back
        codes = part_codes(judged, self.zones.counted)
        counts = np.bincount(codes.ravel(), minlength=len(PARTS) + 1)
        cells = {part: int(counts[code]) for part, code in CODES.items()}
        since_s = mask.mono_s - self.records[-1].mono_s if self.records else 0.0
        packed = zlib.compress(codes.tobytes(), 1)
        self.records.append(FrameRecord(mask.mono_s, since_s, packed, cells, judged.rejection))
        if judged.rejection is None:
            self._judged_s += mask.dt_s
            for part in _LEFT_OUT_AT_ONCE:
                self._left_out_cell_s[part] += cells[part] * mask.dt_s
            self._add_places(codes, mask.dt_s)
            self._add_blobs(judged, mask.dt_s)
        self._before = judged.cells if judged.rejection is None else None

    def add_grid(self, grid: U8, mono_s: float) -> None:
        """Take in an analysed frame's picture, right after it was judged, to learn the noise."""
        if not self.records or self.records[-1].mono_s != mono_s:
            return  # it waits for the empty scene
        before, self._grid_before = self._grid_before, (mono_s, grid)
        if before is None or mono_s - before[0] > _SLOWEST_STEP_S or self.records[-1].rejection is not None:
            return
        calm = dilated((self.codes_at(-1) > 0).astype(np.uint8), 2 * _APART_CELLS) == 0
        if calm.mean() > 0.1:
            # Of two normal values the mean distance is 2 / sqrt(pi) standard deviations.
            apart = cv2.absdiff(grid, before[1])[calm]
            self._noises.append(float(apart.mean()) * float(np.sqrt(np.pi)) / 2)

    def codes_at(self, index: int) -> U8:
        """Return what one glance showed, cell by cell: see `explain.part_codes`; owned by the caller."""
        return np.frombuffer(zlib.decompress(self.records[index].codes), np.uint8).reshape(self._held_ms.shape).copy()

    def final_codes_at(self, index: int) -> U8:
        """Return the same, once the run is over: staying that never counted has the code `given up`."""
        codes = self.codes_at(index)
        lost_ms = self._held_ms - self._dwell_ms
        given_up = (lost_ms > _GIVEN_UP_RATIO * self._held_ms) & (lost_ms > _GIVEN_UP_MS)
        codes[given_up & (codes == CODES["staying"])] = CODES["given up"]
        return codes

    def add_rejected(self, rejected: RejectedTime) -> None:
        """Add what the pipeline reports as rejected."""
        for frame_reason, seconds in rejected.frames_s.items():
            self._rejected_s[frame_reason] = self._rejected_s.get(frame_reason, 0.0) + seconds
        for cell_reason, cell_s in rejected.cells_s.items():
            self._rejected_cell_s[cell_reason] = self._rejected_cell_s.get(cell_reason, 0.0) + cell_s

    def summary(self) -> Summary:
        """Return the sums of the whole run."""
        # The pipeline's own sums are of the whole picture: shadows outside the zones would be told here twice.
        parts: dict[Part, float] = {
            "traffic": float(self._traffic_s.sum()),
            "staying": float(self._dwell_ms.sum()) / 1000.0,
            "given up": float(np.maximum(self._held_ms - self._dwell_ms, 0).sum()) / 1000.0,
            **self._left_out_cell_s,
        }
        return Summary(
            length_s=self.records[-1].mono_s - self.records[0].mono_s,
            judged_s=self._judged_s,
            part_cell_s=parts,
            rejected_s=self._rejected_s,
            rejected_cell_s=self._rejected_cell_s,
            people=np.concatenate(self._people) if self._people else np.zeros((0, 2)),
            speck_ratio=float(np.mean(self._specks)) if self._specks else 0.0,
            speckled_ratio=float(self._speckled.mean()),
            overlap_ratio=float(np.median(self._overlaps)) if self._overlaps else None,
            noise_levels=float(np.median(self._noises)) if self._noises else None,
            flicker_s=self._flicker_s,
            traffic_s=self._traffic_s,
        )

    def _add_places(self, codes: U8, dt_s: float) -> None:
        self._held_ms[codes == CODES["staying"]] += round(dt_s * 1000)
        self._flicker_s[codes == CODES["flicker"]] += np.float32(dt_s)
        self._traffic_s[codes == CODES["traffic"]] += np.float32(dt_s)
        specks = codes == CODES["speck"]
        self._speckled |= specks
        self._specks.append(float(specks.mean()))

    def _add_blobs(self, judged: Detection, dt_s: float) -> None:
        height = judged.cells.shape[0]
        _, labels, stats, _ = cv2.connectedComponentsWithStats(dilated(judged.cells, _APART_CELLS), connectivity=8)
        sizes = np.bincount(labels[judged.cells > 0].ravel(), minlength=len(stats))[1:]
        lower = (stats[1:, cv2.CC_STAT_TOP] + stats[1:, cv2.CC_STAT_HEIGHT]) / height
        if len(sizes):
            self._people.append(np.stack([sizes, lower], axis=1).astype(np.float64))
        moving = cv2.countNonZero(judged.moving)
        if moving and self._before is not None and 0.0 < dt_s <= _SLOWEST_STEP_S:
            self._overlaps.append(cv2.countNonZero(cv2.bitwise_and(judged.moving, self._before)) / moving)
