"""Suggests settings from what a recording showed, each with the figure that speaks for it, and as TOML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from edgeheat.defs.params import MotionParams, Point
from edgeheat.offline.tuning.statistics import F64, Summary

_ENOUGH_S = 30.0
"""A shorter recording is too little to go by."""

_PERSON_PARTS = 8
"""A blob below this fraction of what people are at its height in the picture is not one."""

_SURE_TIMES = 4
"""What people are is learnt from blobs so many times above the least size."""

_BANDS, _ENOUGH_BLOBS = 4, 20
# In clean scenes 1 to 2 % of the heat is in such blobs, and larger least sizes change nothing for the better there.
_LITTLE_RATIO, _MUCH_SPECK_RATIO = 0.025, 0.05
_LEAST_CELLS, _MOST_CELLS = 4, 2000
_UNLIKE = 1.5
"""Sizes are left as they are where they differ by less than this factor."""

_SPECK_RATIO, _SPECKLED_RATIO = 0.002, 0.25
"""Noise, rain and insects make specks over much of the picture, people far away in one part of it."""

_LITTLE_OVERLAP_RATIO, _MOST_FPS = 0.35, 10.0
_GHOST_RATIO, _LIGHT_RATIO = 0.1, 0.1
"""From these on a remark is worth reading: ghosts ÷ what counted, and the share of the time."""

_FLICKER_S, _FLICKER_SHARE, _FLICKER_AREA_RATIO = 10.0, 0.1, 0.002
"""A place is outlined that was left out for so long, such a share of the time, and is so much of the picture."""

_OUTLINE_CELLS = 5
_PASSED_RATIO = 0.02
"""Where something moves in the mean cell for more of the time, people pass."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of [camera.motion]."""

    key: str
    value: str
    """As TOML."""

    why: str


@dataclass(frozen=True, slots=True)
class IgnoreMask:
    """A polygon in which nothing should count."""

    name: str
    polygon: tuple[Point, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change; nothing of it is certain, the pictures show whether it is right."""

    settings: tuple[Setting, ...] = ()
    masks: tuple[IgnoreMask, ...] = ()
    remarks: tuple[str, ...] = ()
    """What a setting does not mend."""


def advise(summary: Summary, params: MotionParams, taken: Iterable[str], recorded_fps: float) -> Advice:
    """Return what to change in `params`, with which the figures were taken.

    taken: names that zones have already. recorded_fps: frames a second that the recording has.
    """
    if summary.length_s < _ENOUGH_S:
        words = f"{summary.length_s:.0f} s are too little to suggest anything by: take a recording of some minutes"
        return Advice(remarks=(words,))
    settings = [*_sizes(summary, params), *_pace(summary, params, recorded_fps)]
    masks = _flicker_masks(summary, params, set(taken))
    remarks = _remarks(summary, params, recorded_fps)
    if not settings and not masks:
        remarks.append("no setting to change")
    return Advice(tuple(settings), tuple(masks), tuple(remarks))


def as_toml(advice: Advice) -> str:
    """Return the advice as TOML: tables to put below a [[camera]], and comments; without changes comments only."""
    lines = [f"# {remark}" for remark in advice.remarks]
    if advice.settings:
        lines += ["[camera.motion]"]
        for setting in advice.settings:
            lines += [f"# {setting.why}", f"{setting.key} = {setting.value}"]
    for mask in advice.masks:
        corners = ", ".join(f"[{x:.3f}, {y:.3f}]" for x, y in mask.polygon)
        lines += ["", "[[camera.zone]]", f"# {mask.why}", f'name = "{mask.name}"', 'kind = "ignore"']
        lines += [f"polygon = [{corners}]"]
    return "\n".join(lines).lstrip("\n") + "\n"


def _sizes(summary: Summary, params: MotionParams) -> list[Setting]:
    """Weigh the least sizes of blobs against what people are, far and near."""
    near = params.min_blob_cells
    far = near if params.min_blob_far_cells is None else params.min_blob_far_cells
    size, lower = summary.people[:, 0], summary.people[:, 1]
    sure = summary.people[size >= _SURE_TIMES * (far + (near - far) * lower)]
    if len(sure) < _ENOUGH_BLOBS:
        return []
    person_far, person_near = _person_cells(sure)
    wanted_near = _whole(person_near / _PERSON_PARTS)
    wanted_far = min(wanted_near, _whole(person_far / _PERSON_PARTS))
    raised_far = max(wanted_far, far)
    little = size < raised_far + (wanted_near - raised_far) * lower
    people_cell_s = summary.part_cell_s["traffic"] + summary.part_cell_s["staying"]
    found: list[Setting] = []
    people = f"people are about {person_far:.0f} cells at the upper edge and {person_near:.0f} at the lower"
    little_ratio = float(size[little].sum() / size.sum())
    if wanted_near > _UNLIKE * near and little_ratio >= _LITTLE_RATIO:
        why = f"{little_ratio:.1%} of what counted is in blobs below an eighth of a person there; {people}"
        found.append(Setting("min_blob_cells", str(wanted_near), why))
        if wanted_near > _UNLIKE * raised_far:
            found.append(Setting("min_blob_far_cells", str(raised_far), "for those far away, who are smaller"))
    elif (
        wanted_far * _UNLIKE < far
        and summary.part_cell_s["speck"] >= _MUCH_SPECK_RATIO * people_cell_s
        and summary.speckled_ratio < _SPECKLED_RATIO
    ):
        why = f"{people}: with {far} those far away may pass for specks"
        found.append(Setting("min_blob_cells", str(near), "as it is"))
        found.append(Setting("min_blob_far_cells", str(wanted_far), why))
    return found


def _person_cells(sure: F64) -> tuple[float, float]:
    """Return how many cells people have at the upper and at the lower edge: a straight line through four bands."""
    rows = np.quantile(sure[:, 1], np.linspace(0, 1, _BANDS + 1))
    places, sizes = [], []
    for top, bottom in pairwise(rows.tolist()):
        band = sure[(sure[:, 1] >= top) & (sure[:, 1] <= bottom)]
        places.append(float(band[:, 1].mean()))
        sizes.append(float(np.median(band[:, 0])))
    if max(places) - min(places) < 0.2:
        middle = float(np.median(sizes))
        return middle, middle
    slope, start = np.polyfit(places, sizes, 1)
    # Seen in part of the picture only, the line may lead below nothing, or shrink towards the camera.
    least, most = min(sizes) / 4, max(sizes) * 2
    far, near = (float(np.clip(start + slope * edge, least, most)) for edge in (0.0, 1.0))
    return min(far, near), near


def _whole(cells: float) -> int:
    return int(np.clip(round(cells), _LEAST_CELLS, _MOST_CELLS))


def _pace(summary: Summary, params: MotionParams, recorded_fps: float) -> list[Setting]:
    overlap = summary.overlap_ratio
    wanted = min(_MOST_FPS, recorded_fps, 2 * params.analysis_fps)
    if overlap is None or overlap >= _LITTLE_OVERLAP_RATIO or wanted < 1.2 * params.analysis_fps:
        return []
    why = f"people are so quick that they cover only {overlap:.0%} of where they were a frame before"
    return [Setting("analysis_fps", f"{wanted:.1f}", why)]


def _flicker_masks(summary: Summary, params: MotionParams, taken: set[str]) -> list[IgnoreMask]:
    """Outline what flickers so much of the time that it may as well be left out for good."""
    if not params.flicker_mask:
        return []
    least_s = max(_FLICKER_S, _FLICKER_SHARE * summary.judged_s)
    often = (summary.flicker_s >= least_s).astype(np.uint8)
    height, width = often.shape
    joined = cv2.morphologyEx(often, cv2.MORPH_CLOSE, np.ones((_OUTLINE_CELLS, _OUTLINE_CELLS), np.uint8))
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    masks: list[IgnoreMask] = []
    names = (name for name in (f"flicker-{number}" for number in range(1, 1000)) if name not in taken)
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True):
        area_ratio = cv2.contourArea(outline) / often.size
        corners = cv2.approxPolyDP(cv2.convexHull(outline), _OUTLINE_CELLS / 2, True)[:, 0, :]
        if area_ratio < _FLICKER_AREA_RATIO or len(corners) < 3:
            continue
        inside = np.zeros(often.shape, np.uint8)
        cv2.fillPoly(inside, [corners], 1.0)
        seconds = float(summary.flicker_s[inside > 0].max())
        passed_s = float(summary.traffic_s[inside > 0].mean())
        why = f"flickered for up to {seconds:.0f} s"
        if passed_s > _PASSED_RATIO * summary.judged_s:
            why += f"; people pass there too, {passed_s:.0f} s in the mean cell, and they would be left out"
        polygon = tuple((round((x + 0.5) / width, 3), round((y + 0.5) / height, 3)) for x, y in corners.tolist())
        masks.append(IgnoreMask(next(names), polygon, why))
    return masks


def _remarks(summary: Summary, params: MotionParams, recorded_fps: float) -> list[str]:
    remarks = []
    light_s = summary.rejected_s.get("light", 0.0)
    if light_s >= _LIGHT_RATIO * summary.length_s:
        remarks.append(
            f"the light changed for {light_s:.0f} s, in which nothing counts: fix the camera's exposure and white "
            "balance, or look in the pictures whether it were people"
        )
    ghosts_cell_s = summary.rejected_cell_s.get("ghost", 0.0)
    if ghosts_cell_s >= _GHOST_RATIO * (summary.part_cell_s["traffic"] + summary.part_cell_s["staying"]):
        remarks.append(
            f"{ghosts_cell_s:.0f} cell-seconds were ghosts: somebody or a screen was there while the empty scene was "
            "learnt; start when the shop is empty, or look at a later part of the recording"
        )
    if summary.speck_ratio >= _SPECK_RATIO and summary.speckled_ratio >= _SPECKLED_RATIO:
        noise = "" if summary.noise_levels is None else f" (a cell's noise is {summary.noise_levels:.1f} grey levels)"
        remarks.append(
            f"specks in {summary.speckled_ratio:.0%} of the picture are noise{noise}, rain or insects; they do not "
            "count, but more light, or no lamp close to the lens, helps"
        )
    if summary.rejected_s.get("unhealthy", 0.0) > 0:
        remarks.append("for some time the picture was frozen, dark or covered: see to the camera first")
    if recorded_fps < 0.9 * params.analysis_fps:
        remarks.append(
            f"the recording has {recorded_fps:.1f} frames a second, fewer than analysis_fps: let the camera send more"
        )
    if summary.people.size == 0:
        remarks.append("nobody was seen: take a recording with people in it")
    return remarks
