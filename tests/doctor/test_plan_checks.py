"""Results of the doctor for floor plans."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeheat.config import Config, build_config
from edgeheat.doctor.finding import Finding
from edgeheat.doctor.plan_checks import check_plans
from tests.support.floor import FRONT, FRONT_MARKS, pairs

MARKS = pairs(FRONT, FRONT_MARKS)


def config(points: tuple[tuple[float, ...], ...] = MARKS, *, feet: bool = True, **plan: object) -> Config:
    camera = {"name": "till", "source": "synthetic:shop", "motion": {"feet": feet}}
    view = {"camera": "till", "points": [list(point) for point in points]}
    tables = {"camera": [camera], "plan": [{"name": "floor", "size": [11.0, 10.0], "view": [view], **plan}]}
    return build_config(tables, {})


def findings(settings: Config) -> tuple[Finding, Finding]:
    """Of the view, and of the plan."""
    view, plan = check_plans(settings)
    assert (view.check, plan.check) == ("plan floor, camera till", "plan floor")
    return view, plan


def test_a_correct_view_lists_points_misfit_and_what_is_seen() -> None:
    view, plan = findings(config())
    assert (view.verdict, plan.verdict) == ("ok", "ok")
    assert view.what.startswith("5 points, misfit 0, 0, 0, 0, 0 cm, worst 0 cm at point 1; sees 7")
    assert view.what.endswith(" % of the plan")
    assert plan.what.startswith("11 by 10 m, its cameras see 7")


def test_a_point_that_was_measured_wrongly_is_named() -> None:
    u, v, x, y = MARKS[2]
    view, _ = findings(config((*MARKS[:2], (u, v, x + 1.5, y), *MARKS[3:])))
    assert view.verdict == "warning"
    assert "cm at point 3" in view.what and "point 3" in view.remedy


def test_four_points_are_reported_as_unchecked() -> None:
    view, _ = findings(config(MARKS[:2] + MARKS[3:]))
    assert view.verdict == "ok"
    assert view.what.startswith("4 points, which always fit; a fifth would show their misfit; sees ")


def test_a_camera_that_counts_bodies_instead_of_feet_is_a_warning() -> None:
    view, _ = findings(config(feet=False))
    assert view.verdict == "warning"
    assert view.remedy == "set feet = true under [camera.motion] of till"


def test_a_camera_that_sees_nothing_of_the_plan_is_a_failure() -> None:
    settings = config()
    hidden = {"name": "all-of-it", "kind": "ignore", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    camera = {"name": "till", "source": "synthetic:shop", "zone": [hidden]}
    tables = settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    view, plan = findings(build_config({"camera": [camera], "plan": tables["plan"]}, {}))
    assert (view.verdict, view.what) == ("failed", "sees nothing of the plan")
    assert plan.what.endswith("its cameras see 0 % of it")


@pytest.mark.parametrize(("kept", "verdict"), [(1.0, "ok"), (0.5, "warning")])
def test_a_picture_that_is_damaged_after_its_header_is_a_warning(tmp_path: Path, kept: float, verdict: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (50, 50, 3)).astype(np.uint8)
    data = cv2.imencode(".webp", noise)[1].tobytes()
    file = tmp_path / "floor.webp"
    file.write_bytes(data[: int(kept * len(data))])
    _, plan = findings(config(image=str(file)))
    assert plan.verdict == verdict
