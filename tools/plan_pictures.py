"""Generates the pictures of docs/plan.md: the heat of two cameras in one synthetic shop, combined on a floor plan.

Run in the repository's folder: .venv/bin/python -m tools.plan_pictures
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import cv2
import numpy as np

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.floorplan.check import draw_calibration_check
from edgeheat.core.floorplan.picture import plan_snapshot
from edgeheat.core.grid.frames import U8, Frame
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import HeatParams, MotionParams, PipelineParams, PlanParams, Style
from edgeheat.sources.synthetic.layouts import SHOP, CameraPose
from edgeheat.sources.synthetic.scene import Scene, SceneParams
from tests.support.floor import BACK, FRONT, SIZE_M, back, front

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SECONDS, FPS = 900, 5
NOON_S = 1_795_172_400.0
HEAT = HeatParams("day", "window", 86400.0)
LIVE_WH = (640, 360)


def shop(pose: CameraPose, size_wh: tuple[int, int] = LIVE_WH) -> Scene:
    """The same shop and people for every camera pose."""
    return Scene(SceneParams(size_wh=size_wh, walkers=6), layout=replace(SHOP, camera_pose=pose))


def frames(scene: Scene) -> Iterator[Frame]:
    """The frames of the camera."""
    for number in range(SECONDS * FPS):
        moment = scene.moment(number / FPS, number)
        yield Frame(
            scene.luma(moment),
            number / FPS,
            NOON_S + number / FPS,
            lambda size_wh, moment=moment: np.asarray(cv2.resize(scene.bgr(moment), size_wh), np.uint8),
        )


def drawing() -> U8:
    """A floor plan drawing of the shop's furniture."""
    scale = 120
    paper = np.full((round(SIZE_M[1] * scale), round(SIZE_M[0] * scale), 3), 255, np.uint8)
    for box in SHOP.boxes:
        if box.kind in ("wall", "frame") or box.z[0] > 0:
            continue
        corners = [(round(x * scale), round((SIZE_M[1] - y) * scale)) for x, y in zip(box.x, box.y[::-1], strict=True)]
        cv2.rectangle(paper, corners[0], corners[1], (225, 225, 225), -1)
        cv2.rectangle(paper, corners[0], corners[1], (60, 60, 60), 3)
    cv2.rectangle(paper, (0, 0), (paper.shape[1] - 1, paper.shape[0] - 1), (0, 0, 0), 12)
    return paper


def main() -> None:
    """Write plan-check.jpg, plan.jpg and plan-views.jpg."""
    poses = {"front": FRONT, "back": BACK}
    plan = PlanParams("floor", SIZE_M, (front(), back()), (HEAT,), UTC, Style(max_width=960, alpha=0.85))
    heats, views = {}, []
    for name, pose in poses.items():
        pipeline = CameraPipeline(PipelineParams(name, UTC, MotionParams(feet=True), (HEAT,)))
        for frame in frames(shop(pose)):
            pipeline.step(frame)
        pipeline.flush()
        grid = pipeline.heat("day", SECONDS, NOON_S + SECONDS)
        assert grid is not None
        heats[name] = CameraHeats({"day": replace(grid, period_s=SECONDS)}, SECONDS, NOON_S + SECONDS)
        snapshot = pipeline.snapshot(SECONDS, NOON_S + SECONDS)
        assert snapshot is not None
        views.append(cv2.imdecode(np.frombuffer(snapshot.heats[0].image, np.uint8), cv2.IMREAD_COLOR))
    (IMAGES / "plan.jpg").write_bytes(plan_snapshot(plan, heats, drawing()).heats[0].image)
    cv2.imwrite(str(IMAGES / "plan-views.jpg"), np.hstack(views), [cv2.IMWRITE_JPEG_QUALITY, 85])
    scenes = {name: shop(pose, (1280, 720)) for name, pose in poses.items()}
    pictures = {name: scene.bgr(scene.moment(30.0, 0)) for name, scene in scenes.items()}
    check = draw_calibration_check(plan, pictures, drawing())
    cv2.imwrite(str(IMAGES / "plan-check.jpg"), check, [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == "__main__":
    main()
