from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import typer.core
import typer.main
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from edgeheat import __version__
from edgeheat.cli.app import app
from edgeheat.cli.recording import default_output, pipeline_params
from edgeheat.config import StyleSettings
from edgeheat.defs.params import MotionParams, Style
from tests.support.media import make_clip
from tests.support.wait import wait_for

EDGEHEAT = [sys.executable, "-m", "edgeheat"]
CAMERA = '[[camera]]\nname = "till"\nsource = "synthetic:shop"\n'


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run where no configuration lies about."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEHEAT_CONFIG", raising=False)
    monkeypatch.setattr("edgeheat.config.load.ETC_CONFIG", tmp_path / "etc.toml")


def edgeheat(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def config_file(text: str) -> Path:
    file = Path("shop.toml")
    file.write_text(text)
    return file


def test_version_is_told() -> None:
    assert edgeheat("version").output == f"edgeheat {__version__}\n"


@pytest.mark.parametrize(
    "command", [["run"], ["demo"], ["render"], ["tune"], ["reset"], ["config", "check"], ["config", "show"], ["doctor"]]
)
def test_every_command_has_help(command: list[str]) -> None:
    assert edgeheat(*command, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("unknown command", ["rnu"]),
        ("unknown option", ["run", "--confg", "x"]),
        ("nothing to render", ["render"]),
        ("style out of bounds", ["render", "x.avi", "--alpha", "3"]),
        ("unknown colormap", ["render", "x.avi", "--colormap", "infero"]),
        ("bad duration", ["demo", "--for", "soon"]),
        ("camera without a configuration", ["render", "x.avi", "--camera", "till"]),
        ("port out of range", ["demo", "--port", "0"]),
        ("an unknown heat", ["render", "x.avi", "--of", "light"]),
        ("an unknown subtractor", ["render", "x.avi", "--subtractor", "mog3"]),
        ("a codec without a video", ["render", "x.avi", "--video-codec", "vp9"]),
        ("an unknown codec", ["render", "x.avi", "--video", "x.mp4", "--video-codec", "hevc"]),
        ("nothing to reset", ["reset", "till"]),
        ("a reset of no camera", ["reset", "--flicker"]),
    ],
)
def test_wrong_usage_exits_2(what: str, words: list[str]) -> None:
    assert edgeheat(*words).exit_code == 2, what


def test_a_wrong_style_is_named_as_the_option_it_came_from() -> None:
    result = edgeheat("render", "x.avi", "--background-dim", "2")
    assert "--background-dim: is 2; must be at most 1" in " ".join(result.stderr.split())


@pytest.mark.parametrize("command", [["run"], ["config", "check"], ["config", "show"], ["reset", "till", "--moved"]])
def test_without_a_usable_configuration_commands_exit_78_with_one_line_a_fault(command: list[str]) -> None:
    file = config_file("[web]\nport = 0\n[log]\nlevel = 'loud'\n" + CAMERA)
    result = edgeheat(*command, "--config", file)
    assert result.exit_code == 78
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "shop.toml: web.port: is 0; must be at least 1",
        'shop.toml: log.level: is "loud"; must be one of debug, info, warning, error',
    ]


def test_without_any_configuration_the_way_to_begin_is_told() -> None:
    result = edgeheat("run")
    assert result.exit_code == 78
    assert result.stderr.endswith("or see it work first with: edgeheat demo\n")


def test_config_check_names_the_cameras() -> None:
    result = edgeheat("config", "check", "-c", config_file(CAMERA))
    assert (result.exit_code, result.output) == (0, "no errors; cameras: till\n")


def test_config_show_is_toml_without_secrets() -> None:
    file = config_file('[mqtt]\nusername = "me"\npassword = "hush"\n' + CAMERA)
    result = edgeheat("config", "show", "-c", file)
    assert tomllib.loads(result.stdout)["mqtt"]["username"] == "me"
    assert "hush" not in result.output


def test_config_schema_is_json() -> None:
    assert "camera" in json.loads(edgeheat("config", "schema").stdout)["properties"]


def test_render_writes_beside_the_input_and_counts_names_up() -> None:
    clip = make_clip(Path("walk.mp4"), frames=20)
    first, second = edgeheat("render", clip), edgeheat("render", clip)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert (first.stdout, second.stdout) == ("walk_heatmap.png\n", "walk_heatmap_1.png\n")
    assert Path("walk_heatmap.png").read_bytes().startswith(b"\x89PNG")
    assert edgeheat("render", clip, "--overwrite").stdout == "walk_heatmap.png\n"
    assert first.stderr == "20 frames, 1.2 of 1.3 s observed\n"


def test_render_says_where_to_look_when_much_was_not_counted() -> None:
    def dark(_: int, size_wh: tuple[int, int]) -> NDArray[np.uint8]:
        return np.zeros((size_wh[1], size_wh[0], 3), np.uint8)

    said = edgeheat("render", make_clip(Path("night.mp4"), frames=150, fps=5, painter=dark)).stderr
    found = re.fullmatch(r"150 frames, (.+) of 29\.8 s observed; edgeheat tune shows what was not\n", said)
    assert found is not None, said
    assert float(found[1]) < 15


def test_render_writes_what_is_asked_for_in_the_format_of_its_name() -> None:
    clip = make_clip(Path("walk.mp4"), frames=20)
    outputs = ["-o", "a.webp", "--grid", "a.npz", "--video", "a.mp4"]
    result = edgeheat("render", clip, *outputs, "--frames", "10", "--step", "2")
    assert result.exit_code == 0, result.output
    assert Path("a.webp").read_bytes()[8:12] == b"WEBP"
    assert Path("a.mp4").stat().st_size > 0
    with np.load("a.npz") as grid:
        assert grid["frames"] == 10
        assert grid["heat_s"].dtype == np.float32


@pytest.mark.parametrize("codec", ["h264", "vp9", "av1"])
def test_video_encoders_write_nothing_to_the_terminal(codec: str) -> None:
    words = ["render", "synthetic:shop?size=160x90", "--frames", "10", "--video", "a.mp4", "--video-codec", codec]
    done = subprocess.run([*EDGEHEAT, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "a.mp4\n")
    assert re.fullmatch(r"10 frames, .* observed\n", done.stderr)


def test_render_takes_the_settings_of_a_camera_or_of_the_defaults() -> None:
    clip = make_clip(Path("walk.mp4"), frames=20)
    file = config_file("[defaults.motion]\ngrid_width = 40\n" + CAMERA + "motion = { grid_width = 80 }\n")
    for words, width in [([], 160), (["-c", file], 40), (["-c", file, "--camera", "till"], 80)]:
        assert edgeheat("render", clip, "--grid", "a.npz", "--overwrite", *words).exit_code == 0
        with np.load("a.npz") as grid:
            assert grid["heat_s"].shape[1] == width
    assert edgeheat("render", clip, "-c", file, "--camera", "door").exit_code == 2


def test_style_options_change_the_picture() -> None:
    clip = make_clip(Path("walk.mp4"), frames=20)
    assert edgeheat("render", clip, "-o", "plain.png").exit_code == 0
    plain = Path("plain.png").read_bytes()
    for words in (["--no-overlay"], ["--colormap", "turbo"], ["--no-normalize", "--vmax", "2m"], ["--alpha", "0.2"]):
        assert edgeheat("render", clip, "-o", "a.png", "--overwrite", *words).exit_code == 0
        assert Path("a.png").read_bytes() != plain, words


def test_motion_options_win_over_the_configuration() -> None:
    file = config_file('[defaults.motion]\nsubtractor = "knn"\nfeet = true\ngrid_width = 40\n')

    def motion(**options: object) -> MotionParams:
        unset = dict.fromkeys([*StyleSettings.model_fields, "vmax", "subtractor", "feet"])
        return pipeline_params("x.mp4", file, None, unset | options).motion

    assert motion() == MotionParams(subtractor="knn", feet=True, grid_width=40)
    assert motion(subtractor="difference", feet=False) == MotionParams(subtractor="difference", grid_width=40)


def test_render_counts_what_it_is_asked_for() -> None:
    clip = make_clip(Path("walk.mp4"), frames=200, fps=5)
    heats = {}
    for of in ("presence", "traffic", "dwell"):
        assert edgeheat("render", clip, "--grid", f"{of}.npz", "--of", of).exit_code == 0
        with np.load(f"{of}.npz") as grid:
            assert grid["of"] == of
            heats[of] = grid["heat_s"].sum()
    # Whoever walks where the floor is not known yet is counted later, as one who stays.
    assert heats["presence"] == pytest.approx(heats["traffic"] + heats["dwell"])
    assert heats["traffic"] > 0 and heats["dwell"] > 0


def test_every_style_setting_is_an_option_of_render() -> None:
    names = set(edgeheat("render", "--help").stdout.split())
    for field in fields(Style):
        assert "--" + field.name.removesuffix("_s").replace("_", "-") in names


@pytest.mark.parametrize("content", [None, b"", b"no video at all" * 100])
def test_render_of_what_is_no_recording_exits_1_with_one_line_and_leaves_nothing(content: bytes | None) -> None:
    if content is not None:
        Path("x.mp4").write_bytes(content)
    before = sorted(Path().iterdir())
    result = edgeheat("render", "x.mp4")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "x.mp4" in result.stderr
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_render_that_is_stopped_exits_130_and_leaves_nothing(signum: signal.Signals) -> None:
    # What a shell starts in the background ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # On a terminal of its own, because the progress bar tells when the work has begun.
    controller, terminal = pty.openpty()
    words = [*EDGEHEAT, "render", "synthetic:shop?size=160x90", "--video", "a.mp4", "--frames", "100000"]
    process = subprocess.Popen(words, stdout=terminal, stderr=terminal, env=os.environ | {"TERM": "xterm"})
    os.close(terminal)
    try:
        shown = b""
        while b" fps" not in shown:
            shown += os.read(controller, 4096)
        process.send_signal(signum)
        while b"interrupted" not in shown:
            shown += os.read(controller, 4096)
        assert process.wait(10) == 130
    finally:
        process.kill()
        process.wait()
        os.close(controller)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("source", "beside"),
    [
        ("shop/a.mp4", "shop/a_heatmap.png"),
        ("file:///shop/a.mp4", "/shop/a_heatmap.png"),
        ("images:shop/monday/", "shop/monday_heatmap.png"),
        ("10:30.mp4", "10:30_heatmap.png"),
        ("synthetic:shop?seed=2", "synthetic_heatmap.png"),
    ],
)
def test_the_picture_lies_beside_its_source(source: str, beside: str) -> None:
    assert str(default_output(source, "heatmap", ".png")) == beside


@pytest.mark.parametrize("command", ["render", "tune"])
def test_a_live_camera_is_refused_with_how_to_record_it_and_without_its_password(command: str) -> None:
    result = edgeheat(command, "rtsp://u:hush@127.0.0.1:1/x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "rtsp://***@127.0.0.1:1/x: a live camera has no end. Record ten minutes first: "
        f"ffmpeg -rtsp_transport tcp -i URL -c copy -t 600 clip.mp4, then: edgeheat {command} clip.mp4"
    ]


def requests() -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in Path("here/state/requests").iterdir()]


@pytest.fixture
def state() -> Path:
    """The state folder of an edgeheat that has run in `here`."""
    folder = Path("here/state")
    folder.mkdir(parents=True)
    return folder


@pytest.mark.usefixtures("state")
def test_a_reset_is_left_where_the_running_edgeheat_looks_for_it() -> None:
    file = config_file('[storage]\npath = "here"\n' + CAMERA)
    result = edgeheat("reset", "till", "--flicker", "--moved", "-c", file)
    assert (result.exit_code, result.stdout) == (0, "")
    assert requests() == [{"camera": "till", "flicker": True, "moved": True, "heat": False}]
    assert "will be carried out when edgeheat runs and till is online" in result.stderr


@pytest.mark.parametrize(
    ("answer", "words", "exit_code", "asked"),
    [("n\n", [], 1, False), ("", [], 1, False), ("y\n", [], 0, True), ("", ["--yes"], 0, True)],
)
def test_heats_are_emptied_only_when_that_is_meant(
    state: Path, answer: str, words: list[str], exit_code: int, asked: bool
) -> None:
    command = ["reset", "till", "--heat", "--storage", "here", "-c", str(config_file(CAMERA)), *words]
    result = CliRunner().invoke(app, command, input=answer)
    assert result.exit_code == exit_code
    assert (state / "requests").exists() == asked
    assert ("cannot be restored" in result.stderr) == (not words)


@pytest.mark.usefixtures("state")
def test_a_reset_of_a_camera_that_the_configuration_has_not_is_refused_with_the_names_it_has() -> None:
    result = edgeheat("reset", "tlil", "--moved", "--storage", "here", "-c", config_file(CAMERA))
    assert result.exit_code == 2
    assert "tlil: not in the configuration, which has till" in " ".join(result.stderr.split())


def test_a_reset_where_no_edgeheat_has_run_says_how_to_name_the_right_folder() -> None:
    result = edgeheat("reset", "till", "--moved", "--storage", "nowhere", "-c", config_file(CAMERA))
    assert (result.exit_code, result.stderr) == (
        1,
        "nowhere/state: no edgeheat has kept its state here; name its storage folder: --storage\n",
    )


@pytest.fixture
def running_demo() -> Iterator[subprocess.Popen[str]]:
    words = ["demo", "--for", "60s", "--storage", "here"]
    with subprocess.Popen([*EDGEHEAT, *words], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_demo_says_where_to_look_gives_pictures_and_stops_when_told(running_demo: subprocess.Popen[str]) -> None:
    assert running_demo.stdout is not None
    told = dict(line.split(": ", 1) for line in (running_demo.stdout.readline() for _ in range(3)))
    page, metrics = told["status page"].strip(), told["metrics"].strip()
    assert Path(told["pictures"].strip()) == Path("here/heatmaps")

    def status(address: str) -> str:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    wait_for(lambda: "checkout" in status(page), 20, "the status page")
    assert "edgeheat_build_info" in status(metrics)
    wait_for(lambda: len(list(Path("here").rglob("latest.jpg"))) == 10, 30, "five heats of two cameras")
    running_demo.send_signal(signal.SIGINT)
    assert running_demo.wait(10) == 0


def test_the_demo_ends_by_itself() -> None:
    done = subprocess.run([*EDGEHEAT, "demo", "--for", "1s"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_a_taken_port_of_the_demo_exits_69() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["demo", "--port", str(taken.getsockname()[1])]
        done = subprocess.run([*EDGEHEAT, *words], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 69
    assert "Traceback" not in done.stderr


def test_the_documentation_names_every_command_and_option() -> None:
    text = (Path(__file__).parents[2] / "docs/cli.md").read_text()

    def commands(group: typer.core.TyperGroup, path: str) -> Iterator[tuple[str, list[str]]]:
        for name, command in group.commands.items():
            if isinstance(command, typer.core.TyperGroup):
                yield from commands(command, f"{path} {name}")
            else:
                yield f"{path} {name}", [o for p in command.params for o in p.opts if o.startswith("--")]

    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for command, options in commands(group, "edgeheat"):
        section = text.partition(f"## `{command}")[2].partition("\n## ")[0]
        assert section, command
        missing = [option for option in options if f"`{option}" not in section and option != "--help"]
        assert not missing, f"{command}: {missing}"
