"""Ray-casts the empty synthetic shop once: its picture, and the depths by which furniture occludes walkers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.layouts import Box, Layout

FLOOR_LUMA = 145
"""Mean brightness of the floor in the picture, approximately; clothes this bright have little contrast to it."""

_BAND_ROWS = 64
"""Rows of rays cast at a time, so that a large picture does not take hundreds of megabytes."""

_NEAR_PLANE = 1e-3
"""Intersections at a smaller ray parameter lie behind the camera."""

_GOODS_BGR = np.array(
    [
        (40, 40, 190), (50, 120, 225), (40, 190, 230), (70, 150, 60), (150, 95, 40), (190, 170, 150), (225, 225, 225),
        (110, 50, 110), (60, 70, 90), (35, 35, 140), (185, 140, 60), (90, 190, 190), (130, 160, 200), (60, 60, 60),
    ],
    np.float32,
)  # fmt: skip
"""Colours of packaged goods."""

_FRUIT_BGR = np.array(
    [(40, 40, 190), (50, 170, 60), (30, 140, 240), (60, 215, 235), (60, 90, 40), (120, 60, 110), (90, 200, 160)],
    np.float32,
)
"""Colours of fruit and vegetables."""


@dataclass(frozen=True, slots=True)
class SceneBackdrop:
    """The static part of the scene; every array has the picture's height and width."""

    bgr: U8
    """Shape (height, width, 3)."""

    luma: U8
    distance_m: F32
    """Depth of the furniture or wall in each pixel (`PinholeCamera.distance`); infinite on the floor."""

    floor: U8
    """255 where the floor is visible, else 0."""


def render_backdrop(layout: Layout, camera: PinholeCamera, seed: int) -> SceneBackdrop:
    """Ray-cast the empty shop of a layout; `seed` varies goods and textures.

    Reference: Appel 1968 (ray casting); Kay and Kajiya 1986 (slab test for boxes).
    """
    width, height = camera.size_wh
    samples = 2 if width * height <= 1_000_000 else 1
    colours, distances = [], []
    for top in range(0, height * samples, _BAND_ROWS):
        rows = range(top, min(top + _BAND_ROWS, height * samples))
        colour, distance = _trace_rays(layout, camera.position, camera.heading, camera.rays(rows, samples), seed)
        colours.append(colour.reshape(len(rows), -1, 3))
        distances.append(distance.reshape(len(rows), -1))
    fine = np.concatenate(colours) * _vignette(width * samples, height * samples)
    bgr = cv2.resize(np.clip(fine, 0, 255).astype(np.uint8), camera.size_wh, interpolation=cv2.INTER_AREA)
    bgr = np.asarray(cv2.GaussianBlur(bgr, (3, 3), 0.6), np.uint8)
    distance_m = np.ascontiguousarray(np.concatenate(distances)[::samples, ::samples])
    return SceneBackdrop(
        bgr=bgr,
        luma=np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8),
        distance_m=distance_m,
        floor=np.where(np.isinf(distance_m), 255, 0).astype(np.uint8),
    )


def _vignette(width: int, height: int) -> F32:
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return (1.04 - 0.14 * (x * x + y * y))[..., None].astype(np.float32)


def _trace_rays(layout: Layout, origin: F32, level: F32, rays: F32, seed: int) -> tuple[F32, F32]:
    """Return the colour (n, 3) and the depth (n,) of the first surface that each ray hits."""
    # Rows x, y, z: reducing the first axis is ten times as fast as reducing the last one.
    across = np.ascontiguousarray(rays.T)
    inverse = np.float32(1.0) / np.where(np.abs(across) < 1e-6, np.float32(1e-6), across)
    nearest = np.where(inverse[2] < 0, -origin[2] * inverse[2], np.float32(np.inf))
    hit, axis = np.full(len(rays), -1, np.int16), np.full(len(rays), 2, np.int8)
    for number, box in enumerate(layout.boxes):
        bounds = np.array([box.x, box.y, box.z], np.float32) - origin[:, None]
        low, high = bounds[:, :1] * inverse, bounds[:, 1:] * inverse
        enters = np.minimum(low, high)
        enter = enters.max(axis=0)
        is_nearest = (enter < np.maximum(low, high).min(axis=0)) & (enter > _NEAR_PLANE) & (enter < nearest)
        nearest[is_nearest], hit[is_nearest] = enter[is_nearest], number
        axis[is_nearest] = enters[:, is_nearest].argmax(axis=0)
    reach = np.where(np.isinf(nearest), np.float32(30.0), nearest)
    points = origin + rays * reach[:, None]
    colour = np.full((len(rays), 3), 205.0, np.float32)
    on_floor = (hit < 0) & np.isfinite(nearest)
    colour[on_floor] = _floor_colours(layout, points[on_floor], seed)
    for number, box in enumerate(layout.boxes):
        on_box = hit == number
        if on_box.any():
            colour[on_box] = _box_colours(layout, box, points[on_box], axis[on_box], seed + 101 * number)
    ahead = (points[:, 0] - origin[0]) * level[0] + (points[:, 1] - origin[1]) * level[1]
    return colour, np.where(hit >= 0, ahead, np.float32(np.inf)).astype(np.float32)


def _hash_random(seed: int, *keys: NDArray[np.float32]) -> F32:
    """Return a uniform random number in 0..1 per element, the same for keys with the same integer parts.

    Reference: MurmurHash3's finalizer, Appleby 2011 (integer hash).
    """
    mixed = np.full(keys[0].shape, (seed * 0x9E3779B1) & 0xFFFFFFFF, np.uint32)
    for key in keys:
        mixed = (mixed ^ np.floor(key).astype(np.int32).view(np.uint32)) * np.uint32(0x85EBCA6B)
        mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0xC2B2AE35)
        mixed ^= mixed >> np.uint32(13)
    return (mixed >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def _floor_colours(layout: Layout, points: F32, seed: int) -> F32:
    x, y = points[:, 0], points[:, 1]
    shade = 158 + 7 * (_hash_random(seed, x / 0.6, y / 0.6) - 0.5) + 16 * (_hash_random(seed + 1, x * 40, y * 40) - 0.5)
    shade += 9 * np.sin(x * 2.1 + 0.6) * np.sin(y * 1.7)  # brighter under the ceiling lamps
    grout = (np.minimum(x / 0.6 % 1, y / 0.6 % 1) < 0.025).astype(np.float32)
    shade -= 34 * grout
    x0, y0, x1, y1 = layout.room
    outside = (x < x0) | (x > x1) | (y < y0) | (y > y1)
    shade = np.where(outside, 216 + 8 * (_hash_random(seed + 2, x * 9, y * 9) - 0.5), shade)
    for box in layout.boxes:  # ambient occlusion next to furniture
        if box.z[0] > 0:
            continue
        gap_x = np.maximum(np.maximum(box.x[0] - x, x - box.x[1]), 0)
        gap_y = np.maximum(np.maximum(box.y[0] - y, y - box.y[1]), 0)
        shade *= 1 - 0.3 * np.exp(-np.hypot(gap_x, gap_y) / 0.22)
    colour = shade[:, None] * np.array([0.95, 1.0, 1.03], np.float32)
    for mx0, my0, mx1, my1 in layout.mats:
        mat = (x > mx0) & (x < mx1) & (y > my0) & (y < my1)
        colour[mat] = (62 + 22 * _hash_random(seed + 3, x[mat] * 30, y[mat] * 30))[:, None] * np.float32(1.0)
    return colour.astype(np.float32)


def _box_colours(layout: Layout, box: Box, points: F32, axis: NDArray[np.int8], seed: int) -> F32:
    top = axis == 2
    along = np.where(axis == 0, points[:, 1], points[:, 0])
    light = np.choose(axis, [0.84, 0.94, 1.0]).astype(np.float32)[:, None]
    if box.kind in ("shelf", "fridge"):
        colour = np.where(top[:, None], _shelf_top(box, points, seed), _goods(box, along, points[:, 2], seed))
    elif box.kind in ("produce", "crate"):
        wood = np.array([70, 105, 140], np.float32) * _planks(along, points[:, 2], seed)
        colour = np.where(top[:, None], _fruit(box, points, seed), wood)
    elif box.kind == "counter":
        colour = np.where(top[:, None], _belt(box, points), _panel(along, points[:, 2], (120, 70, 40)))
    elif box.kind == "till":
        colour = np.where(top[:, None], np.float32(60.0), _panel(along, points[:, 2], (48, 44, 40)))
    elif box.kind == "frame":
        colour = np.full((len(points), 3), 66.0, np.float32)
    else:
        to_the_right = np.where((axis == 0) & (box.x[0] > layout.camera_pose.position[0]), -along, along)
        colour = _wall(to_the_right, points[:, 2], layout.sign, seed)
    return (colour * light).astype(np.float32)


def _goods(box: Box, along: F32, z: F32, seed: int) -> F32:
    """Rows of packages on boards, in runs of one brand, with price tags; a fridge has lit doors in front."""
    rows = max(3, round((box.z[1] - 0.1) / 0.36))
    height = (z - 0.1) / ((box.z[1] - 0.1) / rows)
    level, rise = np.floor(height), height % 1
    run = np.floor(along / 0.45 + 3 * _hash_random(seed, level))
    width = 0.09 + 0.09 * _hash_random(seed + 1, run, level)
    brand = _GOODS_BGR[(_hash_random(seed + 2, run, level) * len(_GOODS_BGR)).astype(np.int32)]
    colour = brand * (0.85 + 0.3 * _hash_random(seed + 3, along / width, level))[:, None]
    tall = 0.55 + 0.35 * _hash_random(seed + 4, run, level)
    label = (rise > 0.3) & (rise < 0.45)
    colour = np.where(label[:, None], colour * 0.5 + 110, colour)
    gap = (along / width % 1 < 0.1) | (rise > tall)
    colour = np.where(gap[:, None], np.float32(42.0), colour)
    colour *= (0.72 + 0.28 * np.minimum(1, (1.1 - rise) * 1.6))[:, None]  # shaded by the board above
    board = rise < 0.12
    tag = board & (along / 0.16 % 1 < 0.55) & (rise > 0.02)
    colour[board], colour[tag] = 128.0, (190.0, 235.0, 240.0)
    colour[z < 0.1] = 70.0
    if box.kind == "fridge":
        colour = colour * 0.8 + np.array([62, 52, 44], np.float32)
        colour[(along / 0.85 % 1 < 0.06) | (z > box.z[1] - 0.07) | (z < 0.14)] = 52.0
        colour[z > box.z[1] - 0.2] = (185.0, 120.0, 60.0)
    return colour.astype(np.float32)


def _shelf_top(box: Box, points: F32, seed: int) -> F32:
    shade = 176 + 14 * _hash_random(seed, points[:, 0] * 2, points[:, 1] * 2)
    edge = (points[:, 0] - box.x[0] < 0.05) | (box.x[1] - points[:, 0] < 0.05)
    edge |= (points[:, 1] - box.y[0] < 0.05) | (box.y[1] - points[:, 1] < 0.05)
    return np.where(edge, 120.0, shade)[:, None] * np.array([0.98, 1.0, 1.0], np.float32)


def _fruit(box: Box, points: F32, seed: int) -> F32:
    """Bins of round fruit, one kind per bin."""
    bin_x, bin_y = (points[:, 0] - box.x[0]) / 0.43, (points[:, 1] - box.y[0]) / 0.45
    kind = (_hash_random(seed, np.floor(bin_x)) * 2 + np.floor(bin_x) * 2 + np.floor(bin_y) * 3).astype(np.int32)
    fruit_x, fruit_y = points[:, 0] / 0.085, points[:, 1] / 0.085 + 0.5 * (np.floor(points[:, 0] / 0.085) % 2)
    off = np.hypot(fruit_x % 1 - 0.5, fruit_y % 1 - 0.5)
    tone = (1.15 - 1.3 * off * off * 2) * (0.85 + 0.3 * _hash_random(seed + 1, fruit_x, fruit_y))
    colour = _FRUIT_BGR[kind % len(_FRUIT_BGR)] * tone[:, None]
    rim = (np.minimum(bin_x % 1, 1 - bin_x % 1) < 0.05) | (np.minimum(bin_y % 1, 1 - bin_y % 1) < 0.05)
    return np.where(rim[:, None], np.array([80, 120, 155], np.float32), colour)


def _belt(box: Box, points: F32) -> F32:
    x, y = (points[:, i] for i in (0, 1))
    inside = (x - box.x[0] > 0.1) & (box.x[1] - x > 0.1) & (y - box.y[0] > 0.75) & (box.y[1] - y > 0.08)
    return np.where(inside, 44 + 8 * (y / 0.06 % 1), 186.0)[:, None] * np.ones(3, np.float32)


def _panel(along: F32, z: F32, bgr: tuple[int, int, int]) -> F32:
    seam = (along / 0.7 % 1 < 0.02) | (z < 0.08)
    return np.where(seam[:, None], np.float32(40.0), np.array(bgr, np.float32))


def _planks(along: F32, z: F32, seed: int) -> F32:
    plank = np.floor(z / 0.16)
    tone = 0.86 + 0.16 * _hash_random(seed, plank) + 0.06 * _hash_random(seed + 1, along * 5, z * 60)
    return np.where(z / 0.16 % 1 < 0.08, 0.55, tone)[:, None].astype(np.float32)


def _wall(along: F32, z: F32, sign: str, seed: int) -> F32:
    """Pale plaster, a skirting board, and a coloured band with the shop's name above the goods."""
    colour = (198 + 5 * _hash_random(seed, along * 20, z * 20))[:, None] * np.array([0.97, 1.0, 1.01], np.float32)
    colour[z < 0.12] = 96.0
    low, high = 2.35, 2.85
    band = (z > low) & (z < high)
    colour[band] = (70.0, 140.0, 45.0)
    letters = _repeating_text(sign)
    height, width = letters.shape
    column = (along[band] / (high - low) * height).astype(np.int32) % width
    row = ((high - z[band]) / (high - low) * height).astype(np.int32).clip(0, height - 1)
    colour[band] += letters[row, column][:, None] * (np.float32(238.0) - colour[band])
    return colour.astype(np.float32)


def _repeating_text(text: str) -> F32:
    """Return the text as a mask, 0..1, 64 pixels high, with space before it repeats."""
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.3, 3)
    strip = np.zeros((64, width + 170), np.uint8)
    cv2.putText(strip, text, (85, 46), cv2.FONT_HERSHEY_DUPLEX, 1.3, 255, 3, cv2.LINE_AA)
    return strip.astype(np.float32) / np.float32(255)
