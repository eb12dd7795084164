"""`edgeheat render`, with the options that it shares with `edgeheat tune`."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.cli.recording_options import default_output, pipeline_params_from_options
from edgeheat.config import StyleSettings
from edgeheat.defs.params import MotionParams, Style
from tests.cli.commands import CAMERA, EDGEHEAT, config_file, edgeheat
from tests.support.media import make_clip, moving_square
from tests.support.wait import DEADLINE_S


def test_a_wrong_style_is_named_as_the_option_it_came_from() -> None:
    result = edgeheat("render", "x.avi", "--background-dim", "2")
    assert "--background-dim: is 2; must be at most 1" in " ".join(result.stderr.split())


def test_render_writes_beside_the_input_and_numbers_further_names() -> None:
    clip = make_clip(Path("walk.mp4"), frames=20)
    first, second = edgeheat("render", clip), edgeheat("render", clip)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert (first.stdout, second.stdout) == ("walk_heatmap.png\n", "walk_heatmap_1.png\n")
    assert Path("walk_heatmap.png").read_bytes().startswith(b"\x89PNG")
    assert edgeheat("render", clip, "--overwrite").stdout == "walk_heatmap.png\n"
    assert first.stderr == "20 frames, 1.2 of 1.3 s observed\n"


def test_render_points_to_tune_if_much_was_not_counted() -> None:
    def dark(_: int, size_wh: tuple[int, int]) -> NDArray[np.uint8]:
        return np.zeros((size_wh[1], size_wh[0], 3), np.uint8)

    said = edgeheat("render", make_clip(Path("night.mp4"), frames=150, fps=5, painter=dark)).stderr
    found = re.fullmatch(
        r"150 frames, (.+) of 29\.8 s observed; edgeheat tune shows what was not\nnot observed: (.+)\n", said
    )
    assert found is not None, said
    assert float(found[1]) < 15
    assert re.match(r"for 2\d s the picture was unusable \(The picture is black: ", found[2])


@pytest.mark.parametrize("command", ["render", "tune"])
def test_a_time_lapse_is_told_about_max_gap_and_then_observed(command: str) -> None:
    Path("lapse").mkdir()
    for index in range(12):
        cv2.imwrite(f"lapse/{index}.png", moving_square(index, (160, 120)))
    blind = edgeheat(command, "lapse", "--fps", "0.1")
    assert blind.exit_code == 0
    assert 'frames are 10 s apart, more than max_gap = 2 s: set max_gap = "15s" under [defaults.motion]' in blind.output
    Path("slow.toml").write_text('[defaults.motion]\nmax_gap = "15s"\n')
    seeing = edgeheat(command, "lapse", "--fps", "0.1", "--config", "slow.toml")
    assert seeing.exit_code == 0
    assert "max_gap =" not in seeing.output
    if command == "render":
        assert "12 frames, 110.0 of 110.0 s observed" in seeing.stderr


def test_render_writes_the_requested_outputs_in_the_formats_of_their_names() -> None:
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


def test_render_uses_the_settings_of_a_camera_or_of_the_defaults() -> None:
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


def test_motion_options_override_the_configuration() -> None:
    file = config_file('[defaults.motion]\nsubtractor = "knn"\nfeet = true\ngrid_width = 40\n')

    def motion(**options: object) -> MotionParams:
        unset = dict.fromkeys([*StyleSettings.model_fields, "vmax", "subtractor", "feet"])
        return pipeline_params_from_options("x.mp4", file, None, unset | options).motion

    assert motion() == MotionParams(subtractor="knn", feet=True, grid_width=40)
    assert motion(subtractor="difference", feet=False) == MotionParams(subtractor="difference", grid_width=40)


def test_render_counts_the_requested_measure() -> None:
    clip = make_clip(Path("walk.mp4"), frames=200, fps=5)
    heats = {}
    for of in ("presence", "traffic", "dwell"):
        assert edgeheat("render", clip, "--grid", f"{of}.npz", "--of", of).exit_code == 0
        with np.load(f"{of}.npz") as grid:
            assert grid["of"] == of
            heats[of] = grid["heat_s"].sum()
    # Movement where the background is not yet certain is counted later, as staying.
    assert heats["presence"] == pytest.approx(heats["traffic"] + heats["dwell"])
    assert heats["traffic"] > 0 and heats["dwell"] > 0


def test_every_style_setting_is_an_option_of_render() -> None:
    names = set(edgeheat("render", "--help").stdout.split())
    for field in fields(Style):
        assert "--" + field.name.removesuffix("_s").replace("_", "-") in names


@pytest.mark.parametrize("content", [None, b"", b"no video at all" * 100])
def test_render_of_an_unreadable_file_exits_1_with_one_line_and_leaves_nothing(content: bytes | None) -> None:
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
    # On a terminal of its own, because the progress bar shows when the work has begun.
    controller, terminal = pty.openpty()
    words = [*EDGEHEAT, "render", "synthetic:shop?size=160x90", "--video", "a.mp4", "--frames", "100000"]
    process = subprocess.Popen(words, stdout=terminal, stderr=terminal, env=os.environ | {"TERM": "xterm"})
    os.close(terminal)
    try:
        shown = b""
        while b" frames/s" not in shown:
            shown += os.read(controller, 4096)
        process.send_signal(signum)
        while b"interrupted" not in shown:
            shown += os.read(controller, 4096)
        assert process.wait(DEADLINE_S) == 130
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
def test_a_live_camera_is_rejected_with_how_to_record_it_and_without_its_password(command: str) -> None:
    result = edgeheat(command, "rtsp://u:hush@127.0.0.1:1/x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "rtsp://***@127.0.0.1:1/x: a live camera has no end. Record ten minutes first: "
        f"ffmpeg -rtsp_transport tcp -i URL -c copy -t 600 clip.mp4, then: edgeheat {command} clip.mp4"
    ]
