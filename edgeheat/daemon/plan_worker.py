"""The process that draws floor plans: draws each plan of one job, sends the pictures to the parent and exits."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.floorplan.picture import decode_image, plan_snapshot
from edgeheat.daemon.logs import set_up_logging
from edgeheat.daemon.messages import PlanDrawn, PlanJob, PlanSpec
from edgeheat.plan_image import read_plan_image


def run_plan_worker(connection: Connection, job: PlanJob) -> None:
    """Draw each plan of `job` and send it as PlanDrawn; ignores the signals that the parent handles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_up_logging("warning", "plans")
    cameras = {name: CameraHeats.unpack(packed) for name, packed in job.heats.items()}
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent has ended
        for plan in job.plans:
            connection.send(_draw(plan, {name: cameras[name] for name in plan.cameras if name in cameras}))


def _draw(plan: PlanSpec, cameras: Mapping[str, CameraHeats]) -> PlanDrawn:
    image, problem = read_plan_image(plan.image, decode_image)
    try:
        return PlanDrawn(plan_snapshot(plan.params, cameras, image), problem)
    except ValueError as error:
        return PlanDrawn(None, f"{error}; run edgeheat doctor for details")
