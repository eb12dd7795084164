"""Draws a small shop with people, televisions, pallets and light as arrays, reproducibly and with known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8, Frame, SizeWH
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import HeatParams, MotionParams, PipelineParams

HW = (90, 160)
FPS = 5.0
WALL_S = 1_700_000_000.0
MEASURES = (HeatParams("traffic", "total", measure="traffic"), HeatParams("dwell", "total", measure="dwell"))


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangular person or object in front of the room, in cells; its brightness is a pattern around `luma`."""

    left: int
    top: int
    width: int
    height: int
    luma: int = 215
    cb: int = 128
    cr: int = 128
    pattern: int = 0
    """Seed of its pattern. Negative: no pattern."""

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns that it covers within the picture."""
        left, top = max(0, self.left), max(0, self.top)
        return slice(top, max(0, self.top + self.height)), slice(left, max(0, self.left + self.width))

    def at(self, left: int, top: int | None = None) -> Block:
        """Return the same block at another position."""
        return replace(self, left=left, top=self.top if top is None else top)


@dataclass(frozen=True, slots=True)
class Look:
    """What one frame shows: people and objects, and the light."""

    blocks: Sequence[Block] = ()
    light: float | F32 = 1.0
    """Factor on the brightness, for the whole picture or by cell: (height, width)."""
    gain: float = 1.0
    offset: float = 0.0
    """Of the camera's exposure, after the light."""


@dataclass(frozen=True, slots=True)
class Room:
    """An empty room with shelves: brightness (height, width) and colours at half of it, as float32."""

    luma: F32
    tint: F32 | None
    noise: float = 1.5
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def draw(self, look: Look = Look()) -> tuple[U8, U8 | None]:
        """Return the luma (height, width) and the chroma (half height, half width, 2) of a frame."""
        luma, tint = self.luma.copy(), None if self.tint is None else self.tint.copy()
        for block in look.blocks:
            place = block.place
            body = luma[place]
            pattern = np.zeros(body.shape, np.float32) if block.pattern < 0 else _pattern(block.pattern, *body.shape)
            luma[place] = block.luma + pattern
            if tint is not None:
                rows, columns = place
                half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
                tint[half] = (block.cb - 128, block.cr - 128)
        luma = luma * look.light
        exposed = look.gain * luma + look.offset + self.random.normal(0, self.noise, luma.shape)
        seen = np.clip(np.rint(exposed), 0, 255).astype(np.uint8)
        if tint is None:
            return seen, None
        lit = tint * look.gain * _at_half(look.light, tint.shape[:2])
        noisy = lit + 128 + self.random.normal(0, 0.5 * self.noise, tint.shape)
        return seen, np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    def frames(self, looks: Callable[[float], Look], until_s: float, *, fps: float = FPS) -> Iterator[Frame]:
        """Yield the frames from 0 to `until_s` that show what `looks` returns for each instant."""
        for number in range(round(until_s * fps)):
            yield frame_of(*self.draw(looks(number / fps)), number / fps)


@lru_cache
def _pattern(seed: int, height: int, width: int) -> F32:
    rough = np.random.default_rng(seed).normal(0, 100, (height + 1, width + 1)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(rough, (0, 0), 2)[:height, :width], np.float32)


def _at_half(light: float | F32, shape_hw: tuple[int, ...]) -> Any:
    if isinstance(light, np.ndarray):
        return cv2.resize(light, shape_hw[::-1], interpolation=cv2.INTER_AREA)[..., None]
    return light


def room(shape_hw: tuple[int, int] = HW, *, coloured: bool = True, noise: float = 1.5) -> Room:
    """A room with a floor that grows brighter to the front, and shelves along it."""
    height, width = shape_hw
    random = np.random.default_rng(3)
    floor = np.linspace(80, 130, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    soft = cv2.GaussianBlur(random.normal(0, 60, shape_hw).astype(np.float32), (0, 0), 3)
    luma = floor + soft
    for number in range(8):
        left, top = number * width // 8 + width // 40, (number % 2) * height // 5 + height // 20
        luma[top : top + height // 7, left : left + width // 14] += random.uniform(-45, 45)
    tint = None
    if coloured:
        tint = np.zeros((height // 2, width // 2, 2), np.float32)
        tint[:, :, 0], tint[:, :, 1] = -9.0, 7.0
        tint[: height // 8] = (12.0, -14.0)
    return Room(np.clip(luma, 20, 235).astype(np.float32), tint, noise)


def frame_of(luma: NDArray[Any], chroma: U8 | None, at_s: float) -> Frame:
    """Return a frame as a source delivers it."""

    def colour(size_wh: SizeWH) -> U8:
        grey = cv2.resize(luma.astype(np.uint8), size_wh, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)

    def chroma_at(size_wh: SizeWH) -> U8 | None:
        if chroma is None:
            return None
        return np.asarray(cv2.resize(chroma, size_wh, interpolation=cv2.INTER_AREA), np.uint8).copy()

    return Frame(luma, at_s, WALL_S + at_s, colour, chroma=chroma_at)


@dataclass(slots=True)
class Counted:
    """A pipeline after some frames, and the masks that it returned."""

    pipeline: CameraPipeline
    masks: list[MotionMask]

    def heat(self, measure: str) -> F32:
        """Return the seconds of `traffic` or `dwell` in each cell."""
        grid = self.pipeline.heat(measure, self.masks[-1].mono_s, WALL_S)
        assert grid is not None
        return grid.heat_s

    @property
    def presence(self) -> F32:
        """The sum of traffic and dwell."""
        return np.asarray(self.heat("traffic") + self.heat("dwell"), np.float32)

    def presence_between(self, start_s: float, end_s: float) -> float:
        """Return the cell-seconds that were counted between two instants."""
        total = 0.0
        for mask in self.masks:
            if start_s <= mask.mono_s < end_s:
                total += np.count_nonzero(mask.moving) * mask.dt_s
                late = [each for each in (mask.dwell_ms, mask.moved_ms) if each is not None]
                total += sum(float(each.sum()) for each in late) / 1000.0
        return total


def params(**motion: Any) -> PipelineParams:
    """Return parameters with both measures as totals, and the given motion parameters."""
    return PipelineParams("aisle", UTC, heats=MEASURES, motion=MotionParams(**motion))


def count(frames: Iterable[Frame], with_params: PipelineParams | None = None, *, flush: bool = True) -> Counted:
    """Run frames through a new pipeline."""
    pipeline = CameraPipeline(with_params or params())
    masks = [mask for frame in frames for mask in pipeline.step(frame)]
    if flush:
        masks += pipeline.flush()
    return Counted(pipeline, masks)


def truth_of(looks: Callable[[float], Look], until_s: float, shape_hw: tuple[int, int] = HW) -> F32:
    """Return the seconds for which a block covered each cell."""
    covered = np.zeros(shape_hw, np.float32)
    for number in range(round(until_s * FPS)):
        now = np.zeros(shape_hw, bool)
        for block in looks(number / FPS).blocks:
            now[block.place] = True
        covered += now / np.float32(FPS)
    return covered


def bumped(seconds: float, at_s: float) -> list[Frame]:
    """Return the room, and from `at_s` on the room seen by a camera that was moved by 6 cells."""
    wide = room((90, 172), coloured=False)
    frames = []
    for number in range(round(seconds * 5)):
        luma = wide.draw()[0]
        left = 0 if number / 5 < at_s else 6
        frames.append(frame_of(np.ascontiguousarray(luma[:, left : left + 160]), None, number / 5))
    return frames


def walker(at_s: float, *, width: int = 160, round_s: float = 20.0, luma: int = 215) -> Block:
    """A person who walks from left to right and back again."""
    phase = at_s % round_s / round_s * 2
    way = phase if phase < 1 else 2 - phase
    return Block(round(4 + (width - 20) * way), 34, 11, 38, luma=luma, cb=134, cr=122)


def television(at_s: float) -> Block:
    """A screen on the wall that shows another picture each second."""
    picture = int(at_s)
    return Block(100, 12, 28, 20, luma=60 + 37 * picture % 150, pattern=picture, cb=90 + 17 * picture % 70, cr=120)
