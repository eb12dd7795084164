"""Suggests settings, ignore zones and remarks from the statistics of a recording, each with its reason, as TOML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from edgeheat.core.grid.frames import F64
from edgeheat.defs.params import MotionParams, Point
from edgeheat.offline.tuning.statistics import Summary
from edgeheat.offline.unobserved import suggested_gap_s

_MIN_RECORDING_S = 30.0
"""Shortest recording from which settings are suggested."""

_NOISE_SIZE_DIVISOR = 8
"""A blob smaller than people at its height in the picture by this factor is not a person."""

_LARGE_BLOB_FACTOR = 4
"""The size of people is learned from blobs larger than the minimum blob size by this factor."""

_BANDS = 4
"""Horizontal bands of the picture in which the size of people is measured."""

_MIN_BLOBS = 20
"""Least number of large blobs from which the size of people is estimated."""

_SMALL_BLOBS_RATIO = 0.025
"""A larger minimum size is suggested where at least this fraction of the counted cells is in too small blobs.

In undisturbed scenes it is 1 to 2 %, and a larger minimum size brings the heat no closer to the truth there."""

_MANY_SPECKS_RATIO = 0.05
"""At this ratio of specks to counted cells, or above it, specks may be people far away."""

_SIZE_LIMITS_CELLS = (4, 2000)
"""Least and greatest minimum size that is suggested."""

_SIZE_CHANGE_FACTOR = 1.5
"""Minimum sizes are left as they are where the suggestion differs by less than this factor."""

_SPECK_RATIO = 0.002
"""Specks are remarked on where they cover at least this fraction of the picture on average; see `_SPECKLED_RATIO`."""

_SPECKLED_RATIO = 0.25
"""Specks in more than this fraction of the picture are noise, rain or insects; people far away appear in one part."""

_LOW_OVERLAP_RATIO = 0.35
"""Overlap of people from frame to frame below which they move too fast for the frame rate."""

_MAX_SUGGESTED_FPS = 10.0
"""A higher analysis rate is never suggested."""

_GHOST_RATIO = 0.1
"""A remark is made at this ratio of ghosts to counted cells, or above it."""

_LIGHT_CHANGE_RATIO = 0.1
"""A remark is made where changing light caused at least this fraction of the time to be rejected."""

_FLICKER_MIN_S = 10.0
"""An ignore mask is suggested only where a cell flickered for at least this duration."""

_FLICKER_TIME_RATIO = 0.1
"""An ignore mask is suggested only where a cell flickered for at least this fraction of the observed time."""

_FLICKER_AREA_RATIO = 0.002
"""An ignore mask is suggested only for a region of at least this fraction of the picture."""

_OUTLINE_CELLS = 5
"""Gaps of up to this size within a flickering region are closed; its outline is simplified to half of this."""

_WALKWAY_RATIO = 0.02
"""Where the mean cell sees movement for more than this fraction of the time, people walk past."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of [camera.motion]."""

    key: str
    value: str
    """The value as TOML."""

    reason: str
    """Why, mostly the measured value that supports it; becomes a comment."""


@dataclass(frozen=True, slots=True)
class IgnoreMask:
    """A [[camera.zone]] in which nothing should count."""

    name: str
    polygon: tuple[Point, ...]
    """Corners in picture coordinates, 0..1."""

    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Suggested changes. They are guesses from one recording; the pictures of the sheet show whether they are right."""

    settings: tuple[Setting, ...] = ()
    masks: tuple[IgnoreMask, ...] = ()
    remarks: tuple[str, ...] = ()
    """Problems that no setting solves."""


def advise(summary: Summary, params: MotionParams, zone_names: Iterable[str], recorded_fps: float) -> Advice:
    """Return what to change in `params`, the settings with which the recording was analysed.

    zone_names: names that are in use. recorded_fps: frames per second of the recording.
    """
    if summary.length_s < _MIN_RECORDING_S:
        remark = f"{summary.length_s:.0f} s are too short for suggestions: use a recording of several minutes"
        return Advice(remarks=(remark,))
    settings = [
        *_blob_sizes(summary, params),
        *_analysis_rate(summary, params, recorded_fps),
        *_max_gap(params, recorded_fps),
    ]
    masks = _flicker_masks(summary, params, set(zone_names))
    remarks = _remarks(summary, params, recorded_fps)
    if not settings and not masks:
        remarks.append("no setting to change")
    return Advice(tuple(settings), tuple(masks), tuple(remarks))


def as_toml(advice: Advice) -> str:
    """Return the advice as TOML: tables to paste below a [[camera]], and comments; without changes, only comments."""
    lines = [f"# {remark}" for remark in advice.remarks]
    if advice.settings:
        lines += ["[camera.motion]"]
        for setting in advice.settings:
            lines += [f"# {setting.reason}", f"{setting.key} = {setting.value}"]
    for mask in advice.masks:
        corners = ", ".join(f"[{x:.3f}, {y:.3f}]" for x, y in mask.polygon)
        lines += ["", "[[camera.zone]]", f"# {mask.reason}", f'name = "{mask.name}"', 'kind = "ignore"']
        lines += [f"polygon = [{corners}]"]
    return "\n".join(lines).lstrip("\n") + "\n"


def _blob_sizes(summary: Summary, params: MotionParams) -> list[Setting]:
    """Compare the minimum blob sizes, near and far, with the sizes of people."""
    near = params.min_blob_cells
    far = near if params.min_blob_far_cells is None else params.min_blob_far_cells
    size, lower = summary.people[:, 0], summary.people[:, 1]
    large = summary.people[size >= _LARGE_BLOB_FACTOR * (far + (near - far) * lower)]
    if len(large) < _MIN_BLOBS:
        return []
    person_far, person_near = _person_cells(large)
    wanted_near = _limited_cells(person_near / _NOISE_SIZE_DIVISOR)
    wanted_far = min(wanted_near, _limited_cells(person_far / _NOISE_SIZE_DIVISOR))
    suggested_far = max(wanted_far, far)
    too_small = size < suggested_far + (wanted_near - suggested_far) * lower
    people_cell_s = summary.class_cell_s["traffic"] + summary.class_cell_s["staying"]
    settings: list[Setting] = []
    people = f"people are about {person_far:.0f} cells at the upper edge and {person_near:.0f} at the lower"
    small_ratio = float(size[too_small].sum() / size.sum())
    if wanted_near > _SIZE_CHANGE_FACTOR * near and small_ratio >= _SMALL_BLOBS_RATIO:
        reason = f"{small_ratio:.1%} of what counted is in blobs smaller than an eighth of a person there; {people}"
        settings.append(Setting("min_blob_cells", str(wanted_near), reason))
        if wanted_near > _SIZE_CHANGE_FACTOR * suggested_far:
            settings.append(Setting("min_blob_far_cells", str(suggested_far), "for people far away, who are smaller"))
    elif (
        wanted_far * _SIZE_CHANGE_FACTOR < far
        and summary.class_cell_s["speck"] >= _MANY_SPECKS_RATIO * people_cell_s
        and summary.speckled_ratio < _SPECKLED_RATIO
    ):
        reason = f"{people}: with {far}, people far away may be rejected as specks"
        settings.append(Setting("min_blob_cells", str(near), "unchanged"))
        settings.append(Setting("min_blob_far_cells", str(wanted_far), reason))
    return settings


def _person_cells(blobs: F64) -> tuple[float, float]:
    """Return how many cells a person has at the upper and at the lower edge: a line fitted through four bands."""
    rows = np.quantile(blobs[:, 1], np.linspace(0, 1, _BANDS + 1))
    heights, sizes = [], []
    for top, bottom in pairwise(rows.tolist()):
        band = blobs[(blobs[:, 1] >= top) & (blobs[:, 1] <= bottom)]
        heights.append(float(band[:, 1].mean()))
        sizes.append(float(np.median(band[:, 0])))
    if max(heights) - min(heights) < 0.2:
        middle = float(np.median(sizes))
        return middle, middle
    slope, start = np.polyfit(heights, sizes, 1)
    # Where people appear in part of the picture only, the line may become negative or fall towards the camera.
    lowest, highest = min(sizes) / 4, max(sizes) * 2
    far, near = (float(np.clip(start + slope * edge, lowest, highest)) for edge in (0.0, 1.0))
    return min(far, near), near


def _limited_cells(cells: float) -> int:
    return int(np.clip(round(cells), *_SIZE_LIMITS_CELLS))


def _analysis_rate(summary: Summary, params: MotionParams, recorded_fps: float) -> list[Setting]:
    overlap = summary.overlap_ratio
    wanted = min(_MAX_SUGGESTED_FPS, recorded_fps, 2 * params.analysis_fps)
    if overlap is None or overlap >= _LOW_OVERLAP_RATIO or wanted < 1.2 * params.analysis_fps:
        return []
    reason = f"people move so fast that they cover only {overlap:.0%} of where they were one frame earlier"
    return [Setting("analysis_fps", f"{wanted:.1f}", reason)]


def _max_gap(params: MotionParams, recorded_fps: float) -> list[Setting]:
    wanted_s = suggested_gap_s(1 / recorded_fps)
    if 1 / recorded_fps <= params.max_gap_s or wanted_s is None:
        return []
    reason = f"frames are {1 / recorded_fps:.1f} s apart, and a longer pause than max_gap counts as not observed"
    return [Setting("max_gap", f'"{wanted_s:g}s"', reason)]


def _flicker_masks(summary: Summary, params: MotionParams, zone_names: set[str]) -> list[IgnoreMask]:
    """Return the convex outlines of regions that flicker so much of the time that they can be ignored altogether.

    Reference: Suzuki and Abe 1985 (contours); Douglas and Peucker 1973 (simplified outlines).
    """
    if not params.flicker_mask:
        return []
    min_s = max(_FLICKER_MIN_S, _FLICKER_TIME_RATIO * summary.observed_s)
    flickering = (summary.flicker_s >= min_s).astype(np.uint8)
    height, width = flickering.shape
    closed = cv2.morphologyEx(flickering, cv2.MORPH_CLOSE, np.ones((_OUTLINE_CELLS, _OUTLINE_CELLS), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    masks: list[IgnoreMask] = []
    names = (name for name in (f"flicker-{number}" for number in range(1, 1000)) if name not in zone_names)
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True):
        area_ratio = cv2.contourArea(outline) / flickering.size
        corners = cv2.approxPolyDP(cv2.convexHull(outline), _OUTLINE_CELLS / 2, True)[:, 0, :]
        if area_ratio < _FLICKER_AREA_RATIO or len(corners) < 3:
            continue
        inside = np.zeros(flickering.shape, np.uint8)
        cv2.fillPoly(inside, [corners], 1.0)
        seconds = float(summary.flicker_s[inside > 0].max())
        passing_s = float(summary.traffic_s[inside > 0].mean())
        reason = f"flickered for up to {seconds:.0f} s"
        if passing_s > _WALKWAY_RATIO * summary.observed_s:
            reason += f"; people pass there too, {passing_s:.0f} s in the mean cell, and would not be counted"
        polygon = tuple((round((x + 0.5) / width, 3), round((y + 0.5) / height, 3)) for x, y in corners.tolist())
        masks.append(IgnoreMask(next(names), polygon, reason))
    return masks


def _remarks(summary: Summary, params: MotionParams, recorded_fps: float) -> list[str]:
    remarks = []
    light_s = summary.rejected_s.get("light", 0.0)
    if light_s >= _LIGHT_CHANGE_RATIO * summary.length_s:
        remarks.append(
            f"the light changed for {light_s:.0f} s, in which nothing counts: fix the camera's exposure and white "
            "balance, or check in the pictures whether people caused it"
        )
    ghosts_cell_s = summary.rejected_cell_s.get("ghost", 0.0)
    if ghosts_cell_s > 0 and ghosts_cell_s >= _GHOST_RATIO * (
        summary.class_cell_s["traffic"] + summary.class_cell_s["staying"]
    ):
        remarks.append(
            f"{ghosts_cell_s:.0f} cell-seconds were ghosts: a person or a screen was there while the background was "
            "learned; start when the shop is empty, or use a later part of the recording"
        )
    if summary.observed_s > 0 and summary.speck_ratio >= _SPECK_RATIO and summary.speckled_ratio >= _SPECKLED_RATIO:
        noise = "" if summary.noise_levels is None else f" (a cell's noise is {summary.noise_levels:.1f} grey levels)"
        remarks.append(
            f"specks in {summary.speckled_ratio:.0%} of the picture are noise{noise}, rain or insects; they do not "
            "count, but more light helps, or removing lamps close to the lens"
        )
    if summary.rejected_s.get("unhealthy", 0.0) > 0:
        remarks.append("for some time the picture was frozen, dark or covered: fix the camera first")
    if recorded_fps < 0.9 * params.analysis_fps:
        remarks.append(
            f"the recording has {recorded_fps:.1f} frames per second, fewer than analysis_fps: set a higher frame rate "
            "in the camera"
        )
    if summary.people.size == 0 and summary.observed_s > 0:
        remarks.append("no people were detected: use a recording with people in it")
    return remarks
