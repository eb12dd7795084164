"""Each check of the doctor against the real thing: machine, configuration, broker and cameras."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgeheat.cli.app import app
from edgeheat.config import Config, build_config
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.doctor.checks import (
    check_broker,
    check_camera,
    check_clock,
    check_config,
    check_decoder,
    check_opencv,
    check_storage,
    check_timezone,
    check_web_port,
    zones_without_cells,
)
from edgeheat.doctor.finding import Finding
from edgeheat.doctor.run_checks import run_checks
from tests.support.mosquitto import Mosquitto, free_port, running
from tests.support.wait import DEADLINE_S


class CrashingClock(SystemClock):
    """Ends the camera's process as a broken decoder would."""

    def monotonic(self) -> float:
        os.abort()


class HangingClock(SystemClock):
    """Lets the camera's process hang as a broken decoder would."""

    def monotonic(self) -> float:
        time.sleep(1000)
        return 0.0


def config(
    tmp_path: Path,
    source: str = "synthetic:shop?size=64x48",
    zones: list[dict[str, object]] | None = None,
    **tables: dict[str, object],
) -> Config:
    camera = {"name": "till", "source": source, "zone": zones or []}
    return build_config({"camera": [camera], "storage": {"path": str(tmp_path / "s")}, **tables}, {})


def test_this_machine_has_opencv_and_a_decoder() -> None:
    assert check_opencv().verdict == "ok"
    assert check_decoder().verdict == "ok"


def test_a_missing_library_is_reported_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", no_library)
    found = check_opencv()
    assert (found.verdict, found.remedy) == ("failed", "apt install libgl1 libglib2.0-0 libxcb1")
    assert "libGL.so.1" in found.what


def test_a_clock_not_set_from_the_network_is_a_warning(tmp_path: Path) -> None:
    assert check_clock(tmp_path / "synchronized").verdict == "warning"
    assert check_clock(tmp_path).verdict == "ok"


def test_an_invalid_configuration_is_reported_with_all_its_errors(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[web]\nport = 0\n")
    found, settings = check_config(file, {})
    assert settings is None
    assert found.verdict == "failed"
    assert "web.port: is 0" in found.what
    assert "camera: is missing" in found.what


def test_a_time_zone_left_at_utc_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_timezone(config(tmp_path, site={"timezone": "Europe/Oslo"})).what == "Europe/Oslo"
    assert check_timezone(config(tmp_path, site={"timezone": "UTC"})).verdict == "ok"
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Etc/UTC")
    assert check_timezone(config(tmp_path)).verdict == "warning"


def test_storage_that_cannot_be_written_or_is_full_fails(tmp_path: Path) -> None:
    assert check_storage(config(tmp_path)).verdict == "ok"
    full = check_storage(config(tmp_path, storage={"path": str(tmp_path), "free_floor": "1000TB"}))
    assert full.verdict == "failed"
    assert "storage.free_floor" in full.remedy
    (tmp_path / "file").touch()
    blocked = check_storage(config(tmp_path, storage={"path": str(tmp_path / "file" / "below")}))
    assert blocked.verdict == "failed"


def test_a_taken_port_is_a_warning() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert check_web_port("127.0.0.1", port).verdict == "warning"
    assert check_web_port("127.0.0.1", free_port()).verdict == "ok"


def test_a_camera_that_delivers_a_frame_is_ok(tmp_path: Path) -> None:
    found = check_camera(config(tmp_path).camera[0], SystemClock(), DEADLINE_S)
    assert found == Finding("camera till", "ok", "synthetic:shop?size=64x48 delivers frames of 64x48")


def zone(name: str, kind: str, *corners: tuple[float, float]) -> dict[str, object]:
    return {"name": name, "kind": kind, "polygon": [list(corner) for corner in corners]}


LEFT = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
COVERED = [zone("till", "zone", (0.1, 0.1), (0.4, 0.1), (0.4, 0.4)), zone("screen", "privacy", *LEFT)]


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ([zone("till", "zone", *LEFT)], ""),
        ([zone("speck", "zone", (0.501, 0.501), (0.502, 0.501), (0.502, 0.502))], ""),
        ([zone("till", "zone", *LEFT), zone("street", "ignore", (0.5, 0), (1, 0), (1, 1))], ""),
        (COVERED, "its masks leave nothing to count in till"),
        (
            [zone("left", "include", *LEFT), zone("street", "ignore", (0, 0), (1, 0), (1, 1), (0, 1))],
            "its masks leave nothing to count",
        ),
    ],
)
def test_zones_that_masks_cover_completely_are_found(tmp_path: Path, zones: list[dict[str, object]], said: str) -> None:
    assert zones_without_cells(config(tmp_path, zones=zones).camera[0], (64, 48)) == said


def test_a_camera_with_a_zone_that_masks_cover_completely_is_a_warning(tmp_path: Path) -> None:
    found = check_camera(config(tmp_path, zones=COVERED).camera[0], SystemClock(), DEADLINE_S)
    assert found == Finding(
        "camera till",
        "warning",
        "synthetic:shop?size=64x48 delivers frames of 64x48, but its masks leave nothing to count in till",
        "check the [[camera.zone]] tables of till",
    )


def test_a_camera_that_cannot_be_opened_is_reported_without_its_password(tmp_path: Path) -> None:
    camera = config(tmp_path, f"rtsp://u:hush@127.0.0.1:{free_port()}/1").camera[0]
    found = check_camera(camera, SystemClock(), DEADLINE_S)
    assert found.verdict == "failed"
    assert "hush" not in found.what + found.remedy
    assert found.what.endswith("connection refused") and found.remedy.startswith("check that the camera is on")


def test_a_camera_that_hangs_fails_after_the_timeout(tmp_path: Path) -> None:
    found = check_camera(config(tmp_path).camera[0], HangingClock(), timeout_s=3)
    assert (found.verdict, found.what) == ("failed", "no frame within 3 s")


def test_a_decoder_that_crashes_does_not_end_the_doctor(tmp_path: Path) -> None:
    found = check_camera(config(tmp_path).camera[0], CrashingClock(), DEADLINE_S)
    assert (found.verdict, found.what) == ("failed", "the decoder crashed (exit code -6)")


@pytest.mark.real("mosquitto")
def test_the_login_at_the_broker_is_checked(tmp_path: Path) -> None:
    with running(Mosquitto(tmp_path, password=("shop", "hush"))) as broker:
        mqtt: dict[str, object] = {"enabled": True, "port": broker.port, "username": "shop"}
        good = check_broker(config(tmp_path, mqtt=mqtt | {"password": "hush"}), SystemClock())
        bad = check_broker(config(tmp_path, mqtt=mqtt | {"password": "wrong-hush"}), SystemClock())
    assert good.verdict == "ok", good
    assert (bad.verdict, bad.remedy) == ("failed", "check mqtt.username and mqtt.password")
    assert "hush" not in bad.what


def test_an_unreachable_broker_fails(tmp_path: Path) -> None:
    found = check_broker(config(tmp_path, mqtt={"enabled": True, "port": free_port()}), SystemClock())
    assert found.verdict == "failed"
    assert "no connection to 127.0.0.1" in found.what


def test_the_examination_fails_if_one_check_does(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = f'[storage]\npath = "{tmp_path / "s"}"\n[[camera]]\nname = "till"\nsource = "%s"\n'
    found: list[Finding] = []
    file.write_text(text % "synthetic:shop?size=64x48")
    assert run_checks(file, {}, SystemClock(), found.append, camera_timeout_s=DEADLINE_S), found
    assert [f.check for f in found][-1] == "camera till"
    file.write_text(text % "/nope.avi")
    assert not run_checks(file, {}, SystemClock(), found.append, camera_timeout_s=DEADLINE_S)
    assert found[-1].verdict == "failed"


def test_doctor_prints_json_and_exits_1_without_a_valid_configuration(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json", "-c", str(tmp_path / "none.toml")])
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [f["check"] for f in findings] == ["opencv", "decoder", "clock", "configuration"]
    assert set(findings[-1]) == {"check", "verdict", "what", "remedy"}
