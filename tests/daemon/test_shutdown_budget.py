"""The limits of a shutdown together are shorter than what systemd and Docker allow before they kill."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeheat.daemon import app, managed_process, plan_renderer, supervisor, systemd
from edgeheat.daemon.restart import RestartLimits
from edgeheat.sinks.mqtt import sink as mqtt
from edgeheat.web import server

ROOT = Path(__file__).parents[2]

EXIT_S = 2.0
"""For the end of the interpreter, and for work between the waits."""


def last_pictures_s(supervisor_s: float) -> float:
    """How long cameras and then floor plans take for their last pictures, if the cameras take `supervisor_s`."""
    return supervisor_s + max(app._LAST_PLANS_S, app._LAST_PICTURES_S - supervisor_s) + plan_renderer._KILL_S


@pytest.mark.parametrize(
    ("file", "limit"),
    [
        ("systemd/edgeheat.service", r"^TimeoutStopSec=(\d+)$"),
        ("deploy/compose.yaml", r"^ +stop_grace_period: (\d+)s$"),
    ],
)
def test_all_limits_of_a_shutdown_together_are_shorter_than_the_time_before_the_kill(file: str, limit: str) -> None:
    found = re.search(limit, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"no limit in {file}"
    shutdown_s = (
        systemd._SEND_TIMEOUT_S
        + last_pictures_s(app._SUPERVISOR_STOP_S)
        + app._LAST_WRITES_S  # of the sinks
        + app._LAST_TILES_S
        + app._LAST_WRITES_S  # of the checkpoint writer
        + server._STOP_S
    )
    assert shutdown_s + EXIT_S <= float(found[1])


def test_a_supervisor_that_kills_one_hanging_worker_is_awaited() -> None:
    stop_s = supervisor._CYCLE_S + RestartLimits().last_heat_timeout_s + managed_process._COLLECT_TIMEOUT_S
    assert stop_s < app._SUPERVISOR_STOP_S


def test_a_broker_that_does_not_answer_is_left_before_the_sinks_are() -> None:
    assert mqtt._BROKER_DRAIN_S + mqtt._ABORT_S < app._LAST_WRITES_S


def test_responses_in_progress_are_ended_before_the_page_is() -> None:
    assert server._RESPONSE_DRAIN_S < server._STOP_S


def test_the_history_s_process_is_killed_before_the_history_is_left_behind() -> None:
    assert managed_process._COLLECT_TIMEOUT_S < app._LAST_TILES_S
