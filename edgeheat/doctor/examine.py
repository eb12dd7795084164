"""Runs every check of the doctor in order and reports each finding as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edgeheat.defs.clock import Clock
from edgeheat.doctor.checks import (
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


def examine(path: Path | None, env: Mapping[str, str], clock: Clock, report: Callable[[Finding], None]) -> bool:
    """Run every check, each reported as soon as it is done; return whether none failed.

    Without a usable configuration only the machine is looked at. `path` and `env` as for `load_config`.
    """
    worst: list[Verdict] = []

    def tell(finding: Finding) -> None:
        worst.append(finding.verdict)
        report(finding)

    opencv = check_opencv()
    tell(opencv)
    tell(check_decoder())
    tell(check_clock(CLOCK_SYNCHRONISED))
    finding, config = check_config(path, env)
    tell(finding)
    if config is not None:
        tell(check_timezone(config))
        tell(check_storage(config))
        if config.web.enabled:
            tell(check_web_port(config.web.host, config.web.port))
        if config.mqtt.enabled:
            tell(check_broker(config, clock))
        for camera in config.camera:
            tell(check_camera(camera, clock))
        if config.plan and opencv.verdict == "ok":
            # Needs OpenCV itself.
            from edgeheat.doctor.plan import check_plans

            for finding in check_plans(config):
                tell(finding)
    return "failed" not in worst
