"""The doctor's checks of floor plans: how well the measured points fit, and how much of each plan the cameras see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edgeheat.config import Config
from edgeheat.config.plan import Plan
from edgeheat.core.floorplan.geometry import FloorView, floor_view, residuals_m
from edgeheat.core.floorplan.picture import decode_image
from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.sampling import grid_size_wh
from edgeheat.defs.params import PlanViewParams
from edgeheat.doctor.finding import Finding

_NOMINAL_PICTURE_WH = (1920, 1080)
"""Picture size assumed for the grid, because the cameras are not opened for this check."""

_MAX_MISFIT_M = 0.3
"""A misfit of more than half a person's width means that the point is mistyped or another mark was measured."""


def check_plans(config: Config) -> Iterator[Finding]:
    """Yield a finding for each view, with the misfit of its points, and one for each plan, with the area seen."""
    feet = {camera.name: camera.motion.feet for camera in config.camera}
    for plan, params in zip(config.plan, config.plan_params(), strict=True):
        seen: list[U8] = []
        for view in params.views:
            check = f"plan {plan.name}, camera {view.camera}"
            try:
                floor = floor_view(view, plan.size_m, grid_size_wh(_NOMINAL_PICTURE_WH, view.grid_width))
                yield _check_view(check, view, floor, feet[view.camera])
                seen.append(floor.seen)
            except ValueError as error:
                yield Finding(check, "failed", str(error), "measure its points again: docs/plan.md")
        yield _check_plan(plan, seen)


def _check_plan(plan: Plan, seen: list[U8]) -> Finding:
    check = f"plan {plan.name}"
    if plan.image and decode_image(Path(plan.image).read_bytes()) is None:
        return Finding(check, "warning", f"{plan.image} is damaged; the plan is drawn without it", "save it again")
    seen_text = _percent(np.maximum.reduce(seen)) if seen else "nothing"
    return Finding(check, "ok", f"{plan.size_m[0]:g} by {plan.size_m[1]:g} m, its cameras see {seen_text} of it")


def _check_view(check: str, view: PlanViewParams, floor: FloorView, feet: bool) -> Finding:
    count, sees = len(view.points), f"sees {_percent(floor.seen)} of the plan"
    if not floor.seen.any():
        remedy = "check its points, the plan's size and the camera's masks"
        return Finding(check, "failed", "sees nothing of the plan", remedy)
    if count == 4:
        # Four points always fit exactly: only a fifth can show that one is wrong.
        what = f"4 points, which always fit; a fifth would show their misfit; {sees}"
    else:
        off_cm = [round(100 * off_m) for off_m in residuals_m(view.points)]
        worst = off_cm.index(max(off_cm))
        listed = ", ".join(str(off) for off in off_cm)
        what = f"{count} points, misfit {listed} cm, worst {off_cm[worst]} cm at point {worst + 1}; {sees}"
        if off_cm[worst] > 100 * _MAX_MISFIT_M:
            return Finding(check, "warning", what, f"measure point {worst + 1} and its neighbours again")
    if not feet:
        remedy = f"set feet = true under [camera.motion] of {view.camera}"
        return Finding(check, "warning", f"{what}, but bodies are drawn on the floor behind their feet", remedy)
    return Finding(check, "ok", what)


def _percent(cells: U8) -> str:
    return f"{100 * cv2.countNonZero(cells) / cells.size:.0f} %"
