"""Settings of floor plans, [[plan]] and [[plan.view]], with checks that they fit the cameras and their heats."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from edgeheat.config.camera import Camera, StyleSettings
from edgeheat.config.error_messages import SettingError
from edgeheat.config.plan_points import PointPairs, is_number
from edgeheat.config.settings_table import SettingsTable
from edgeheat.config.source_url import WINDOWS_PATH_REMEDY
from edgeheat.config.types import Name, expand_home, quoted, suggestion
from edgeheat.defs.params import HeatParams, PlanParams, PlanViewParams
from edgeheat.plan_image import check_plan_image

_SIZE_RANGE_M = (1, 500)
"""Shortest and longest side of a plan that is accepted."""


def _parse_size(value: object) -> tuple[float, float]:
    low, high = _SIZE_RANGE_M
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value))):
        raise ValueError(f"is {quoted(value)}; write width and depth in metres, such as [12.0, 9.5]")
    if not all(low <= side <= high for side in value):
        raise ValueError(f"is {quoted(value)}; each side must have {low} to {high} metres")
    return float(value[0]), float(value[1])


PlanSize = Annotated[
    tuple[float, float],
    BeforeValidator(_parse_size),
    WithJsonSchema({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}),
]


class PlanView(SettingsTable):
    """How one camera sees the floor of a plan: [[plan.view]]."""

    camera: Name
    """Name of a camera; at most once per plan."""

    points: PointPairs
    """Four or more marks on the floor: [x and y in the picture from 0 to 1, x and y on the plan in metres]."""


class Plan(SettingsTable):
    """A floor plan that combines the heats of its cameras: [[plan]]."""

    name: Name
    """Name of the plan in pictures, topics and metrics; different from all cameras and other plans."""

    image: str = ""
    """Picture of the plan, PNG, JPEG or WebP, stretched to `size`; empty: a grid of one metre. A relative path is
    relative to the configuration's folder."""

    size_m: PlanSize = Field(alias="size")
    """Width and depth of the plan in metres."""

    view: tuple[PlanView, ...] = ()
    """The cameras of the plan, with the points that place each of them."""

    def params(self, cameras: Sequence[Camera], style: StyleSettings, timezone: tzinfo) -> PlanParams:
        """Return the parameters for drawing; `cameras` are all of the configuration, `timezone` is the shop's."""
        known = {camera.name: camera.pipeline_params(timezone) for camera in cameras}
        return PlanParams(
            name=self.name,
            size_m=self.size_m,
            views=tuple(
                PlanViewParams(
                    camera=view.camera,
                    points=view.points,
                    zones=known[view.camera].zones,
                    grid_width=known[view.camera].motion.grid_width,
                )
                for view in self.view
            ),
            heats=_shared([known[view.camera].heats for view in self.view]),
            timezone=timezone,
            style=style.params(),
        )


def _shared(heats: Sequence[Sequence[HeatParams]]) -> tuple[HeatParams, ...]:
    """Return the heats that all cameras keep, equal in every parameter, in the order of the first camera."""
    return tuple(heat for heat in heats[0] if all(heat in others for others in heats))


def resolve_images(plans: Any, folder: Path) -> None:
    """Make the relative paths of the plans' pictures relative to `folder`; wrong types are left for validation."""
    for plan in _tables(plans):
        if isinstance(plan.get("image"), str) and plan["image"]:
            with suppress(ValueError):
                plan["image"] = str(folder / expand_home(plan["image"]))


def plan_errors(plans: Any, cameras: Any, images_required: bool) -> list[SettingError]:
    """Return errors that concern plans and cameras together; both are tables as read, after `resolve_images`.

    A picture that cannot be used is an error only if `images_required`.
    """
    names = [name for camera in _tables(cameras) if isinstance(name := camera.get("name"), str)]
    errors: list[SettingError] = []
    for index, plan in enumerate(plans if isinstance(plans, list) else []):
        if not isinstance(plan, dict):
            continue
        plan_path = ("plan", index)
        name = plan.get("name")
        if isinstance(name, str) and name.casefold() in map(str.casefold, names):
            errors.append(((*plan_path, "name"), f"is {quoted(name)}, which is the name of a camera; choose another"))
        if plan.get("view", []) == []:
            errors.append((plan_path, "has no camera; add a [[plan.view]] table with camera and points"))
        try:
            if images_required and isinstance(plan.get("image"), str) and plan["image"]:
                if re.search(r"\b[A-Za-z]:[\t\n\r\f\b]", plan["image"]):
                    raise ValueError(f"has a backslash in double quotes, which TOML replaced; {WINDOWS_PATH_REMEDY}")
                check_plan_image(Path(plan["image"]))
        except ValueError as error:
            errors.append(((*plan_path, "image"), str(error)))
        errors += _view_errors(plan, plan_path, names)
    return errors


def _view_errors(plan: Mapping[str, Any], plan_path: tuple[int | str, ...], names: list[str]) -> list[SettingError]:
    errors: list[SettingError] = []
    seen: dict[str, int] = {}
    for index, view in enumerate(plan["view"] if isinstance(plan.get("view"), list) else []):
        if not isinstance(view, dict):
            continue
        view_path = (*plan_path, "view", index)
        camera = view.get("camera")
        if isinstance(camera, str):
            first = seen.setdefault(camera, index)
            if camera not in names:
                hint = suggestion(camera, names) or "; use the name of a [[camera]] table"
                errors.append(((*view_path, "camera"), f"is {quoted(camera)}, which is not a camera{hint}"))
            elif first != index:
                what = f"is {quoted(camera)}, which view {first} has already; put all points into one view"
                errors.append(((*view_path, "camera"), what))
        errors += _points_outside(view.get("points"), plan.get("size"), (*view_path, "points"))
    return errors


def _points_outside(points: Any, size: Any, points_path: tuple[int | str, ...]) -> list[SettingError]:
    """Return an error if a point lies outside the plan; wrong types of `points` and `size` are reported elsewhere."""
    try:
        width_m, depth_m = _parse_size(size)
        for number, (_, _, x, y) in enumerate(points, start=1):
            if not (is_number(x) and is_number(y)):
                return []
            if x > width_m or y > depth_m:
                what = (
                    f"point {number} lies outside the plan, at {x:g}, {y:g}; the plan is {width_m:g} by {depth_m:g} m"
                )
                return [(points_path, f"{what}: correct the point or the size")]
    except (TypeError, ValueError):
        pass
    return []


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def heat_errors(plans: Sequence[Plan], cameras: Sequence[Camera]) -> list[SettingError]:
    """Return an error for each plan that has no heat to show because its cameras keep none in common."""
    return [
        (
            ("plan", index),
            "has no heat to show: its cameras keep none in common; give all one of the same name, kind and length",
        )
        for index, plan in enumerate(plans)
        if not plan.params(cameras, StyleSettings(), UTC).heats
    ]
