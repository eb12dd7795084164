"""The systemd unit, checked with systemd's own tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "edgeheat.service"
EXECUTABLE = "/opt/edgeheat/bin/edgeheat"


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.real("systemd")
def test_the_unit_is_exposed_by_at_most_2_of_10() -> None:
    report = analyze("security", "--offline=true", "--threshold=20", str(UNIT))
    assert report.returncode == 0, report.stdout[-200:] + report.stderr
    assert "Overall exposure level for edgeheat.service: " in report.stdout


@pytest.mark.real("systemd")
def test_a_weaker_unit_misses_the_exposure_threshold(tmp_path: Path) -> None:
    weaker = tmp_path / "edgeheat.service"
    weaker.write_text(UNIT.read_text(encoding="utf-8").replace("CapabilityBoundingSet=\n", ""), encoding="utf-8")
    assert analyze("security", "--offline=true", "--threshold=20", str(weaker)).returncode == 1


@pytest.mark.real("systemd")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    installed = tmp_path / "edgeheat.service"
    installed.write_text(UNIT.read_text(encoding="utf-8").replace(EXECUTABLE, "/bin/true"), encoding="utf-8")
    report = analyze("verify", str(installed))
    assert (report.returncode, report.stdout, report.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("READY, STOPPING and WATCHDOG are accepted", "Type=notify"),
        ("workers cannot send notifications for the daemon", "NotifyAccess=main"),
        ("a wrong configuration is not tried again every five seconds", "RestartPreventExitStatus=78"),
        ("anything else is tried again", "Restart=always"),
        ("without a limit of attempts", "StartLimitIntervalSec=0"),
        ("the daemon stops its workers, not systemd", "KillMode=mixed"),
        ("the daemon may take as long to stop as its own limits allow", "TimeoutStopSec=20"),
        ("mbind of OpenBLAS gets an error instead of a kill", "SystemCallErrorNumber=EPERM"),
        ("a USB camera can be opened", "DeviceAllow=char-video4linux rw"),
    ],
)
def test_the_unit_contains(reason: str, line: str) -> None:
    assert line in UNIT.read_text(encoding="utf-8").splitlines(), reason


def test_the_service_starts_the_daemon_with_a_configuration_that_only_root_can_read() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert f"ExecStart={EXECUTABLE} run --config %d/config.toml" in lines
    assert "LoadCredential=config.toml:/etc/edgeheat/config.toml" in lines
