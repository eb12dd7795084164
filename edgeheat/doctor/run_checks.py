"""Runs all checks of the doctor in order, and reports each result as soon as there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edgeheat.defs.clock import Clock
from edgeheat.doctor.checks import (
    CAMERA_TIMEOUT_S,
    CLOCK_SYNCHRONISED,
    check_broker,
    check_camera,
    check_clock,
    check_config,
    check_decoder,
    check_opencv,
    check_storage,
    check_timezone,
    check_web_port,
)
from edgeheat.doctor.finding import Finding, Verdict


def run_checks(
    path: Path | None,
    env: Mapping[str, str],
    clock: Clock,
    report: Callable[[Finding], None],
    *,
    camera_timeout_s: float = CAMERA_TIMEOUT_S,
) -> bool:
    """Run all checks and call `report` with each result as soon as there is one; return whether none failed.

    Without a valid configuration only the machine is checked. `path` and `env` as for `load_config`,
    `camera_timeout_s` as for `check_camera`.
    """
    verdicts: list[Verdict] = []

    def add(finding: Finding) -> None:
        verdicts.append(finding.verdict)
        report(finding)

    opencv = check_opencv()
    add(opencv)
    add(check_decoder())
    add(check_clock(CLOCK_SYNCHRONISED))
    finding, config = check_config(path, env)
    add(finding)
    if config is not None:
        add(check_timezone(config))
        add(check_storage(config))
        if config.web.enabled:
            add(check_web_port(config.web.host, config.web.port))
        if config.mqtt.enabled:
            add(check_broker(config, clock))
        for camera in config.camera:
            add(check_camera(camera, clock, camera_timeout_s))
        if config.plan and opencv.verdict == "ok":
            # Not imported above, because the doctor must also run where OpenCV does not load.
            from edgeheat.doctor.plan_checks import check_plans

            for finding in check_plans(config):
                add(finding)
    return "failed" not in verdicts
