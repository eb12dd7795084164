"""Runs `edgeheat plan`: writes a floor plan with its cameras' pictures projected onto it, to check the calibration."""

from __future__ import annotations

from pathlib import Path

from edgeheat.config import Camera, Config
from edgeheat.config.plan import Plan
from edgeheat.core.floorplan.check import draw_calibration_check
from edgeheat.core.floorplan.picture import decode_image
from edgeheat.core.grid.frames import U8
from edgeheat.core.render.encode import encode
from edgeheat.defs.clock import Clock
from edgeheat.defs.params import PlanParams
from edgeheat.errors import EdgeheatError
from edgeheat.offline.outputs import StagedOutputs, check_target
from edgeheat.offline.render import IMAGE_FORMATS
from edgeheat.plan_image import read_plan_image
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions


def check_plan(config: Config, name: str | None, output: Path, clock: Clock) -> tuple[Path, list[str]]:
    """Write the picture of one plan; return its file and a warning for each camera or picture that is missing in it.

    name: of the plan; None if there is only one. clock: for live cameras. An existing picture is replaced.
    Raises EdgeheatError where there is no such plan, no camera gives a frame, or the picture cannot be written.
    """
    plan, params = _select_plan(config, name)
    check_target(output, tuple(IMAGE_FORMATS), plan.image)
    pictures: dict[str, U8] = {}
    warnings: list[str] = []
    cameras = {camera.name: camera for camera in config.camera}
    for view in params.views:
        try:
            pictures[view.camera] = _first_frame(cameras[view.camera], clock)
        except EdgeheatError as error:
            warnings.append(f"{view.camera}: {error}")
    if not pictures:
        raise EdgeheatError("no camera of the plan gave a picture: " + "; ".join(warnings))
    image, problem = read_plan_image(plan.image, decode_image)
    warnings += [problem] if problem else []
    data, _ = encode(
        draw_calibration_check(params, pictures, image), IMAGE_FORMATS[output.suffix.lower()], params.style.quality
    )
    with StagedOutputs() as outputs:
        outputs.stage(output, lambda file: file.write(data))
        return outputs.commit(overwrite=True)[0], warnings


def _select_plan(config: Config, name: str | None) -> tuple[Plan, PlanParams]:
    names = [plan.name for plan in config.plan]
    if not names:
        raise EdgeheatError("the configuration has no [[plan]]; docs/plan.md describes how to make one")
    if name not in names and (name is not None or len(names) > 1):
        raise EdgeheatError(f"name one of the plans: {', '.join(names)}")
    index = names.index(name) if name is not None else 0
    return config.plan[index], config.plan_params()[index]


def _first_frame(camera: Camera, clock: Clock) -> U8:
    """Return the first frame of a camera, BGR, uint8 (height, width, 3)."""
    options = SourceOptions(clock=clock, rtsp_transport=camera.rtsp_transport, loop=camera.loop, fps=camera.fps)
    frame = next(open_source(camera.source_url(), options).frames(), None)
    if frame is None:
        raise EdgeheatError("the stream ended before its first frame")
    return frame.colour(frame.size_wh)
