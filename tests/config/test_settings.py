from __future__ import annotations

import dataclasses
import json
import pickle
import re
import subprocess
import sys
import tomllib
from datetime import time
from math import cos, sin
from pathlib import Path
from random import Random
from typing import Any, get_args
from zoneinfo import ZoneInfo

import cmap
import pytest
from pydantic import BaseModel

from edgeheat.config import Config, build_config, find_config, load_config
from edgeheat.config.camera import Camera, HeatSettings, MotionSettings, StyleSettings, ZoneSettings
from edgeheat.config.colormaps import COLORMAP_NAMES
from edgeheat.config.reports import ReportsSettings
from edgeheat.config.source_url import SCHEMES
from edgeheat.config.types import duration_text, parse_duration, parse_size, size_text
from edgeheat.defs.params import (
    DEFAULT_HEATS,
    HeatParams,
    MotionParams,
    PipelineParams,
    ReportsParams,
    Style,
    ZoneParams,
)
from edgeheat.errors import ConfigError
from edgeheat.sources import OPENERS

ROOT = Path(__file__).parents[2]
CAMERA = '[[camera]]\nname = "a"\nsource = "rtsp://cam/1"\n'
HOME = {"STATE_DIRECTORY": "/var/lib/edgeheat"}


def load(tmp_path: Path, text: str, env: dict[str, str] | None = None, **options: Any) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_config(file, HOME | (env or {}), run_secrets=tmp_path / "run-secrets", **options)


def secret(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_the_example_holds_exactly_the_defaults(tmp_path: Path) -> None:
    example = load_config(ROOT / "config.example.toml", HOME, run_secrets=tmp_path)
    minimal = load(tmp_path, '[[camera]]\nname = "entrance"\nsource = "rtsp://192.0.2.10/stream2"\n')
    assert example == minimal


def settings(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every setting below a model, as `table.setting`."""
    names = []
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = [a for a in (field.annotation, *get_args(field.annotation)) if isinstance(a, type)]
        tables = [a for a in inner if issubclass(a, BaseModel)]
        names += settings(tables[0], f"{path}.") if tables else [path]
    return names


def test_the_example_names_every_setting() -> None:
    text = (ROOT / "config.example.toml").read_text()
    for path in settings(Config):
        assert re.search(rf"^(# )?{path.rpartition('.')[2]} = ", text, re.MULTILINE), path


def test_the_documentation_names_every_setting_and_no_other() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    table = ""
    documented = set()
    for line in text.splitlines():
        if found := re.match(r"##+ `\[+([a-z.]+)(?:\.NAME)?\]+`", line):
            table = found[1]
        elif found := re.match(r"\| `([a-z_]+)` \|", line):
            documented.add(f"{table}.{found[1]}")
    wanted = {path for path in settings(Config) if not path.startswith("defaults.")}
    assert documented == wanted


def test_the_documentation_gives_the_true_defaults() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    for line in (ROOT / "config.example.toml").read_text().splitlines():
        if (found := re.fullmatch(r"([a-z_]+) = (.+)", line)) and found[1] not in {"name", "source", "kind", "path"}:
            key, value = found.groups()
            if key in {"half_life", "length", "of"}:
                continue
            assert re.search(rf"^\| `{key}` \| `{re.escape(value)}` \|", text, re.MULTILINE), line


@pytest.mark.parametrize(
    ("model", "params"),
    [(MotionSettings, MotionParams), (StyleSettings, Style), (ZoneSettings, ZoneParams)],
)
def test_settings_carry_all_the_engine_s_parameters(model: type[BaseModel], params: type) -> None:
    assert set(model.model_fields) == {field.name for field in dataclasses.fields(params)}


def test_without_settings_the_engine_gets_its_own_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, '[site]\ntimezone = "Europe/Oslo"\n' + CAMERA)
    assert config.camera[0].pipeline_params(config.timezone) == PipelineParams("a", ZoneInfo("Europe/Oslo"))
    assert config.camera[0].pipeline_params(config.timezone).heats == DEFAULT_HEATS


def test_settings_reach_the_engine_in_its_units(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        CAMERA
        + 'motion = { max_gap = "500ms" }\nstyle = { vmax = "2m", colormap = "turbo_r" }\n'
        + '[camera.heats.today]\nkind = "total"\nsince = 06:30:00\n'
        + '[camera.heats.stays]\nkind = "decaying"\nhalf_life = "1h"\nof = "dwell"\n'
        + '[[camera.zone]]\nname = "till"\nkind = "ignore"\npolygon = [[0, 0], [1, 0], [0.5, 1]]\n'
        + '[[camera.zone]]\nname = "shelf"\nweight = 2\npolygon = [[0, 0], [1, 0], [0.5, 1]]\n',
    )
    params = config.camera[0].pipeline_params(ZoneInfo("UTC"))
    assert params.motion.max_gap_s == 0.5
    assert (params.style.vmax_s, params.style.colormap) == (120.0, "turbo_r")
    assert params.heats == (
        HeatParams("today", "total", 0.0, time(6, 30)),
        HeatParams("stays", "decaying", 3600.0, measure="dwell"),
    )
    corners = ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))
    assert params.zones == (ZoneParams("till", "ignore", corners), ZoneParams("shelf", "zone", corners, 2.0))


def test_the_motion_model_s_settings_reach_the_engine(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        CAMERA
        + """
        [camera.motion]
        subtractor = "knn"
        min_blob_cells = 30
        min_blob_far_cells = 4
        light_gate = false
        flicker_mask = false
        screen_text = false
        dwell_max = "20m"
        furniture = "90s"
        feet = true
        """,
    )
    assert config.camera[0].pipeline_params(ZoneInfo("UTC")).motion == MotionParams(
        subtractor="knn",
        min_blob_cells=30,
        min_blob_far_cells=4,
        light_gate=False,
        flicker_mask=False,
        screen_text=False,
        dwell_max_s=1200.0,
        furniture_s=90.0,
        feet=True,
    )


def polygon_is_taken(tmp_path: Path, corners: list[tuple[float, float]]) -> bool:
    zone = f'[[camera.zone]]\nname = "till"\npolygon = {[list(corner) for corner in corners]}\n'
    try:
        load(tmp_path, CAMERA + zone)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(
    ("what", "corners"),
    [
        ("the whole picture", [(0, 0), (1, 0), (1, 1), (0, 1)]),
        ("the other way round", [(0, 0), (0, 1), (1, 1), (1, 0)]),
        ("a corner on the straight between two others", [(0, 0), (0.3, 0), (0.7, 0), (1, 0), (1, 1), (0, 1)]),
        ("an L", [(0.1, 0.1), (0.9, 0.1), (0.9, 0.4), (0.4, 0.4), (0.4, 0.9), (0.1, 0.9)]),
        (
            "a C with its ends near each other",
            [(0, 0), (1, 0), (1, 0.4), (0.5, 0.4), (0.5, 0.401), (1, 0.401), (1, 1), (0, 1)],
        ),
        ("an arrow", [(0.1, 0.1), (0.5, 0.9), (0.9, 0.1), (0.5, 0.3)]),
        ("a sliver", [(0.1, 0.1), (0.9, 0.1001), (0.9, 0.1002)]),
        ("a speck", [(0.5, 0.5), (0.501, 0.5), (0.501, 0.501)]),
    ],
)
def test_valid_polygons_are_accepted(tmp_path: Path, what: str, corners: list[tuple[float, float]]) -> None:
    assert polygon_is_taken(tmp_path, corners), what


def test_a_ring_of_corners_is_accepted_until_two_are_swapped(tmp_path: Path) -> None:
    rng = Random(1)
    for _ in range(60):
        angles = sorted(rng.uniform(0, 6.28) for _ in range(rng.randint(4, 30)))
        ring = [(0.5 + 0.5 * cos(angle), 0.5 + 0.5 * sin(angle)) for angle in angles]
        assert polygon_is_taken(tmp_path, ring), ring
        i = rng.randrange(len(ring))
        ring[i - 1], ring[i] = ring[i], ring[i - 1]
        assert not polygon_is_taken(tmp_path, ring), ring


def test_defaults_are_merged_under_each_camera_by_table_and_replaced_by_list(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        [defaults]
        username = "admin"
        [defaults.motion]
        grid_width = 100
        analysis_fps = 2
        [defaults.heats.total]
        kind = "total"
        [[defaults.zone]]
        name = "left"
        polygon = [[0, 0], [0.5, 0], [0.5, 1]]
        [[camera]]
        name = "a"
        source = "rtsp://cam/1"
        [camera.motion]
        grid_width = 200
        [camera.heats.hour]
        kind = "window"
        length = "1h"
        [[camera.zone]]
        name = "right"
        polygon = [[0.5, 0], [1, 0], [1, 1]]
        [[camera]]
        name = "b"
        source = "rtsp://cam/2"
        """,
    )
    a, b = config.camera
    assert (a.motion.grid_width, a.motion.analysis_fps, b.motion.grid_width) == (200, 2.0, 100)
    assert set(a.heats) == {"total", "hour"}
    assert set(b.heats) == {"total"}
    assert [zone.name for zone in a.zone] == ["right"]
    assert [zone.name for zone in b.zone] == ["left"]
    assert a.username == b.username == "admin"


def test_the_environment_overrides_secret_files_and_these_override_the_file(tmp_path: Path) -> None:
    text = '[mqtt]\nusername = "file"\npassword = "file"\nhost = "file"\n' + CAMERA
    secret(tmp_path / "run-secrets", "mqtt_username", "run")
    secret(tmp_path / "run-secrets", "mqtt_password", "run")
    secret(tmp_path / "credentials", "mqtt-password", "credential\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    mqtt = load(tmp_path, text, env).mqtt
    assert (mqtt.host, mqtt.username, mqtt.password.get_secret_value()) == ("file", "run", "credential")
    mqtt = load(tmp_path, text, env | {"EDGEHEAT_MQTT__PASSWORD": "environment"}).mqtt
    assert mqtt.password.get_secret_value() == "environment"


def test_an_empty_variable_is_ignored(tmp_path: Path) -> None:
    assert load(tmp_path, CAMERA, {"EDGEHEAT_WEB__PORT": ""}).web.port == 8080


def test_the_environment_sets_defaults_for_cameras(tmp_path: Path) -> None:
    config = load(tmp_path, CAMERA, {"EDGEHEAT_DEFAULTS__MOTION__MAX_GAP": "3s"})
    assert config.camera[0].motion.max_gap_s == 3.0


def test_secrets_of_other_programs_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "run-secrets"
    secret(folder, "postgres_password", "x")
    (folder / "mqtt").mkdir()
    (folder / "binary").write_bytes(b"\xff\x00")
    assert load(tmp_path, CAMERA).mqtt.password.get_secret_value() == ""


def test_a_camera_s_login_comes_from_secret_files_and_is_put_into_its_url_percent_encoded(tmp_path: Path) -> None:
    secret(tmp_path / "run-secrets", "camera-a-username", "admin@x\n")
    secret(tmp_path / "run-secrets", "camera-a-password", "p@:/%#ü\n")
    camera = load(tmp_path, CAMERA + "fps = 5\n").camera[0]
    assert camera.source_url() == "rtsp://admin%40x:p%40%3A%2F%25%23%C3%BC@cam/1"


def test_variables_in_a_source_are_replaced_from_the_environment(tmp_path: Path) -> None:
    text = '[[camera]]\nname = "a"\nsource = "rtsp://${LOGIN}@${HOST}/1"\n'
    config = load(tmp_path, text, {"LOGIN": "u:secret", "HOST": "cam"})
    assert config.camera[0].source_url() == "rtsp://u:secret@cam/1"
    assert "secret" not in config.show()
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    "source",
    [
        *("rtsp://cam/1", "RTSPS://cam:322/1", "http://[::1]:80/x", "/dev/video0", "/dev/v4l/by-id/usb-x", "clip.avi"),
        *("pictures/", "file:///clips/a.mp4", "synthetic:shop?seed=1", "12:30.avi"),
        *("usb:0", "file:2024/a.mp4", "images:2024/", "synthetic:7"),
    ],
)
def test_known_kinds_of_source_are_accepted(tmp_path: Path, source: str) -> None:
    assert load(tmp_path, f'[[camera]]\nname = "a"\nsource = "{source}"\n').camera[0].source_url() == source


def test_the_configuration_knows_the_kinds_of_source_that_can_be_opened() -> None:
    assert set(SCHEMES) == set(OPENERS)


def test_a_login_in_the_url_wins_and_a_file_ignores_the_one_in_defaults(tmp_path: Path) -> None:
    text = '[defaults]\nusername = "u"\npassword = "p"\n'
    for source in ("rtsp://v:q@cam/1", "/dev/video0"):
        camera = load(tmp_path, f'{text}[[camera]]\nname = "a"\nsource = "{source}"\n').camera[0]
        assert camera.source_url() == source


def test_a_configuration_can_be_sent_to_another_process(tmp_path: Path) -> None:
    config = load(tmp_path, CAMERA + 'username = "u"\npassword = "p"\n')
    copy = pickle.loads(pickle.dumps(config))
    assert copy == config
    assert copy.camera[0].source_url() == "rtsp://u:p@cam/1"
    params = config.camera[0].pipeline_params(config.timezone)
    assert pickle.loads(pickle.dumps(params)) == params


def test_show_masks_every_secret_and_reads_back_as_the_same_configuration(tmp_path: Path) -> None:
    text = (
        '[mqtt]\nusername = "me"\npassword = "hush1"\n[defaults]\npassword = "hush2"\nusername = "me"\n'
        '[[camera]]\nname = "a"\nsource = "rtsp://cam/1?token=hush3"\n'
        '[[camera.zone]]\nname = "q"\npolygon = [[0, 0], [1, 0], [0.5, 1]]\n'
        '[[camera]]\nname = "b"\nsource = "http://x:hush4@cam/1"\nusername = ""\npassword = ""\n'
    )
    config = load(tmp_path, text)
    shown = config.show()
    assert "hush" not in shown
    tables = tomllib.loads(shown)
    assert tables["mqtt"]["password"] == tables["camera"][0]["password"] == "**********"
    assert tables["camera"][0]["source"] == "rtsp://cam/1?***"
    assert tables["camera"][1]["source"] == "http://***@cam/1"
    again = load(tmp_path, shown)
    assert again.show() == shown
    assert again.camera[0].zone == config.camera[0].zone
    assert again.camera[0].heats == config.camera[0].heats


def test_cron_replaces_every(tmp_path: Path) -> None:
    schedule = load(tmp_path, '[schedule]\ncron = "*/5 9-20 * * *"\n' + CAMERA).schedule
    assert (schedule.cron, schedule.every_s) == ("*/5 9-20 * * *", None)


def test_storage_is_systemd_s_state_directory_or_the_user_s_own(tmp_path: Path) -> None:
    assert load(tmp_path, CAMERA).storage_path == Path("/var/lib/edgeheat")
    assert load(tmp_path, CAMERA, {"STATE_DIRECTORY": ""}).storage_path == Path.home() / ".local/state/edgeheat"
    assert load(tmp_path, '[storage]\npath = "~/heat"\n' + CAMERA).storage_path == Path.home() / "heat"


def test_render_may_read_a_file_without_cameras(tmp_path: Path) -> None:
    assert load(tmp_path, "[defaults.style]\nalpha = 0.5\n", cameras_required=False).defaults.style.alpha == 0.5


def test_the_file_is_searched_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edgeheat.config.load.ETC_CONFIG", tmp_path / "etc.toml")
    with pytest.raises(
        ConfigError, match=r"neither edgeheat\.toml here nor .*etc\.toml exists; copy config\.example\.toml"
    ):
        find_config({})
    (tmp_path / "etc.toml").touch()
    assert find_config({}) == tmp_path / "etc.toml"
    (tmp_path / "edgeheat.toml").touch()
    assert find_config({}) == Path("edgeheat.toml")
    assert find_config({"EDGEHEAT_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")


def test_a_configuration_can_be_made_in_code() -> None:
    config = build_config({"camera": [{"name": "a", "source": "synthetic:shop"}], "schedule": {"every": "10s"}}, HOME)
    assert config.camera[0].source_url() == "synthetic:shop"
    assert config.schedule.every_s == 10


def test_the_schema_is_json_without_what_toml_editors_cannot_read() -> None:
    schema = json.dumps(Config.json_schema())
    assert '"max_gap"' in schema
    assert '"max_gap_s"' not in schema
    assert "prefixItems" not in schema


def test_every_setting_has_a_description() -> None:
    for model in (Config, Camera, MotionSettings, StyleSettings, ZoneSettings, HeatSettings):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_every_colormap_name_is_one_that_can_be_drawn(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("ERROR", logger="cmap"):
        for name in COLORMAP_NAMES:
            cmap.Colormap(name)


@pytest.mark.parametrize("text", ["1s", "90s", "10m", "1h", "30d", "1.5s", "250ms", "100d"])
def test_durations_survive_being_written(text: str) -> None:
    assert parse_duration(duration_text(parse_duration(text))) == parse_duration(text)


def test_durations_and_sizes_are_written_short() -> None:
    assert [duration_text(s) for s in (0.0, 0.5, 1.5, 90.0, 600.0, 86400.0)] == [
        "0s",
        "500ms",
        "1500ms",
        "90s",
        "10m",
        "1d",
    ]
    assert [size_text(b) for b in (0, 5, 1024, 500_000_000, 2 * 2**30)] == ["0B", "5B", "1KiB", "500MB", "2GiB"]
    assert parse_size("1.5 GB") == 1_500_000_000


def test_the_parent_s_modules_do_not_load_numpy_cv2_or_av() -> None:
    code = (
        "import sys, edgeheat.config, edgeheat.schedule, edgeheat.cli.app\n"
        "print(*sorted({'numpy', 'cv2', 'av'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_reports_that_are_off_are_not_made() -> None:
    assert ReportsSettings().params() == ReportsParams()
    assert ReportsSettings(daily=False, keep=3).params() == ReportsParams(("week", "month"), 3)
