"""Finds the programs that tests need, and says at the end of the run which are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# On a busy machine one example takes seconds, which says nothing about the code.
settings.register_profile("edgeheat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeheat")

_SYSTEM_PYTHON = "/usr/bin/python3"
_GST_IMPORT = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def _has_gst_rtsp_server() -> bool:
    if not Path(_SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([_SYSTEM_PYTHON, "-c", _GST_IMPORT], capture_output=True, check=False).returncode == 0


_PROGRAMS: dict[str, Callable[[], bool]] = {
    "mosquitto": lambda: shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is not None,
    "rtsp": _has_gst_rtsp_server,
    "promtool": lambda: shutil.which("promtool") is not None,
    "prometheus": lambda: shutil.which("prometheus") is not None,
    "chromium": lambda: shutil.which("chromium") is not None,
    "openssl": lambda: shutil.which("openssl") is not None,
    "systemd": lambda: shutil.which("systemd-analyze") is not None,
}


@cache
def _has(program: str) -> bool:
    return _PROGRAMS[program]()


_MISSED: set[str] = set()
"""Missing programs that a collected test needs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a missing program; with EDGEHEAT_REQUIRE_REAL set, as in CI, nothing runs instead."""
    for item in items:
        for marker in item.iter_markers("real"):
            program = marker.args[0]
            if not _has(program):
                _MISSED.add(program)
                item.add_marker(pytest.mark.skip(reason=f"PROGRAM MISSING: {program}"))
    if _MISSED and os.environ.get("EDGEHEAT_REQUIRE_REAL"):
        missing = ", ".join(sorted(_MISSED))
        raise pytest.UsageError(f"EDGEHEAT_REQUIRE_REAL is set, and these programs are missing: {missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the missing programs where nobody can overlook them."""
    if _MISSED:
        missing = ", ".join(sorted(_MISSED))
        terminalreporter.write_sep("!", f"programs missing, their tests did not run: {missing}", red=True)


@pytest.fixture
def clips() -> Path:
    """The folder of real recordings; the test is skipped where EDGEHEAT_CLIPS is unset."""
    folder = os.environ.get("EDGEHEAT_CLIPS")
    if not folder:
        pytest.skip("EDGEHEAT_CLIPS is unset: no real recordings to look at")
    return Path(folder)
