"""`edgeheat tune`: what a recording's sheet and video show, and the settings it suggests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from edgeheat.cli.app import app
from edgeheat.defs.params import MotionParams, PipelineParams, ZoneParams
from edgeheat.offline.tuning.advice import as_toml
from edgeheat.offline.tuning.explanation import COLOURS_BGR, CellClass
from edgeheat.offline.tuning.statistics import FrameRecord
from edgeheat.offline.tuning.tune import TuneJob, TuneResult, choose_instants, summary_lines, tune
from tests.offline.tuning.configuration import parse_camera
from tests.support.media import make_clip

U8 = NDArray[np.uint8]
FPS, SECONDS = 5, 120
LIGHT_S = 100


def busy_shop(index: int, size_wh: tuple[int, int]) -> U8:
    """A walker with a shadow, a television, something that disappears at once, and lamps that are switched off."""
    width, height = size_wh
    seconds = index / FPS
    picture = np.full((height, width, 3), (110, 130, 150), np.uint8)
    picture[:, ::16] = (90, 105, 125)
    # A shelf: a room without any detail would be detected as a covered lens.
    picture[38:48] = np.where(np.arange(width)[None, :, None] // 12 % 2, (40, 50, 60), (200, 210, 220))
    left = int(seconds * 20) % (width + 60) - 40
    picture[90:105, max(0, left + 14) : max(0, left + 50)] = (
        picture[90:105, max(0, left + 14) : max(0, left + 50)] * 0.7
    )
    random = np.random.default_rng(index)
    body = picture[50:105, max(0, left) : max(0, left + 20)]
    body[:] = np.where(np.arange(55)[:, None, None] // 8 % 2, (40, 40, 220), (220, 60, 40))
    picture[10:34, 110:146] = np.kron(random.integers(0, 256, (2, 3, 3)), np.ones((12, 12, 1)))
    if index % 50 == 30:
        picture[10:30, 20:40] = (200, 40, 40)
    picture = np.clip(picture + random.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    if seconds > LIGHT_S:
        # Not uniform: a uniform change would be attributed to the exposure.
        picture = (picture * np.linspace(0.2, 1.0, width)[:, None]).astype(np.uint8)
    return picture


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(
        tmp_path_factory.mktemp("shop") / "shop.mp4", frames=FPS * SECONDS, fps=FPS, painter=busy_shop,
        options={"crf": "12"},
    )  # fmt: skip


FLOOR = ZoneParams("floor", "ignore", ((0.0, 0.8), (1.0, 0.8), (1.0, 1.0), (0.0, 1.0)))


def job(source: Path | str, sheet: Path, **changes: Any) -> TuneJob:
    params = PipelineParams("shop", UTC, motion=MotionParams(grid_width=160), zones=(FLOOR,))
    plain = TuneJob(str(source), params, sheet, None, start=0, count=None, step=1, fps=None, overwrite=False)
    return replace(plain, **changes)


@pytest.fixture(scope="module")
def done(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TuneResult, U8]:
    """The result for the busy shop, and its sheet below the legend."""
    result = tune(job(shop, tmp_path_factory.mktemp("sheet") / "shop.png"), lambda count, total: None)
    sheet = cv2.imread(str(result.written[0]))
    assert sheet is not None
    return result, np.asarray(sheet[90:], np.uint8)


def coloured_pixels(picture: U8, cell_class: CellClass) -> int:
    """How many pixels show the colour of a class over some grey."""
    grey = (picture.astype(np.float32) - 0.75 * np.array(COLOURS_BGR[cell_class], np.float32)) / 0.25
    same = (grey.max(axis=2) - grey.min(axis=2) <= 6) & (grey.min(axis=2) > -6) & (grey.max(axis=2) < 261)
    return int(np.count_nonzero(same))


@pytest.mark.parametrize("cell_class", ["traffic", "staying", "shadow", "speck", "flicker", "masked"])
def test_the_sheet_shows_each_part_in_its_colour_and_the_statistics_count_it(
    done: tuple[TuneResult, U8], cell_class: CellClass
) -> None:
    result, sheet = done
    assert result.summary.class_cell_s[cell_class] > 0
    assert coloured_pixels(sheet, cell_class) > 50


def test_the_sheet_shows_when_the_light_changed_and_the_table_for_how_long(done: tuple[TuneResult, U8]) -> None:
    result, sheet = done
    assert 0.5 < result.summary.rejected_s["light"] < 20
    assert any("the light changed" in line for line in summary_lines(result.summary, ()))
    framed = np.all(sheet == COLOURS_BGR["discarded"], axis=2)
    assert np.count_nonzero(framed) > 1000


def test_an_ignore_mask_is_suggested_for_the_television(done: tuple[TuneResult, U8]) -> None:
    result, _ = done
    assert len(result.advice.masks) == 1
    x, y = np.array(result.advice.masks[0].polygon).T
    assert (x.min(), x.max()) == pytest.approx((110 / 160, 146 / 160), abs=0.06)
    assert (y.min(), y.max()) == pytest.approx((10 / 120, 34 / 120), abs=0.08)


def test_the_commands_whole_output_is_valid_toml_of_a_configuration(shop: Path, tmp_path: Path) -> None:
    sheet, video = tmp_path / "a.jpg", tmp_path / "a.mp4"
    result = edgeheat("tune", shop, "-o", sheet, "--video", video, "--frames", "60")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"# {sheet}\n# {video}\n" in result.stdout
    parse_camera(result.stdout)
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == 60
    assert frames[0].shape[1] == 2 * 320


def edgeheat(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def record(second: float, rejection: str | None = None, **cells: int) -> FrameRecord:
    every = dict.fromkeys(COLOURS_BGR, 0) | cells
    return FrameRecord(second, 0.2, b"", every, rejection)  # type: ignore[arg-type]


def test_chosen_instants_show_most_of_each_reason_and_are_some_time_apart() -> None:
    records = [record(second, traffic=100) for second in range(300)]
    records[50] = record(50, "light")
    records[100] = record(100, speck=900)
    records[101] = record(101, speck=899)
    records[200] = record(200, traffic=5000)
    chosen = choose_instants(records, 10_000)
    assert {50, 100, 200} <= set(chosen)
    assert 101 not in chosen
    assert len(chosen) == 12
    seconds = sorted(chosen)
    assert min(later - earlier for earlier, later in pairwise(seconds)) >= 9


def test_the_cameras_clock_is_shown_and_its_share_of_the_picture_is_printed(tmp_path: Path) -> None:
    def painter(index: int, size_wh: tuple[int, int]) -> U8:
        picture = busy_shop(0, size_wh)
        text = f"12:00:{index // FPS:02}"
        cv2.putText(picture, text, (4, size_wh[1] - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        return picture

    clip = make_clip(tmp_path / "clock.mp4", frames=FPS * 20, fps=FPS, painter=painter, options={"crf": "12"})
    result = tune(job(clip, tmp_path / "clock.png"), lambda count, total: None)
    (line,) = [line for line in summary_lines(result.summary, ()) if "camera's clock" in line]
    assert line.endswith(" % of the picture") and 0.02 < result.summary.screen_text_ratio < 0.1
    sheet = cv2.imread(str(result.written[0]))
    assert sheet is not None and coloured_pixels(np.asarray(sheet[60:], np.uint8), "text") > 200


def test_a_recording_with_fewer_frames_than_the_sheet_shows_all_of_them(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    result = tune(job(clip, tmp_path / "a.png"), lambda count, total: None)
    assert result.written == (tmp_path / "a.png",)
    assert "too short" in as_toml(result.advice)


def test_privacy_masks_are_black_on_the_sheet(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    everything = ZoneParams("all-of-it", "privacy", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    params = PipelineParams("shop", UTC, zones=(everything,))
    tune(job(clip, tmp_path / "a.png", params=params), lambda count, total: None)
    sheet = cv2.imread(str(tmp_path / "a.png"))
    assert sheet is not None
    assert sheet[70:250, 10:300].max() == 0


@pytest.mark.parametrize(
    ("what", "arguments", "message"),
    [
        ("a camera with a password", ["rtsp://u:hush@10.0.0.9/x"], "ffmpeg -rtsp_transport tcp -i URL -c copy -t 600"),
        ("a camera at a port", ["/dev/video0"], "ffmpeg -f v4l2 -i /dev/video0 -t 600"),
        ("no recording", ["missing.mp4"], "missing.mp4"),
        ("not a video", ["text.mp4"], "text.mp4"),
        ("a sheet of an unknown format", ["text.mp4", "-o", "a.gif"], "must end in .jpg or .jpeg or .png"),
        ("a sheet in no folder", ["text.mp4", "-o", "no/a.jpg"], "no folder no"),
        ("a video of an unknown format", ["text.mp4", "--video", "a.avi"], "must end in .mp4"),
        ("nothing left after start", ["CLIP", "--start", "100"], "no frames in the chosen part"),
    ],
)
def test_bad_input_is_rejected_with_one_line_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_bytes(b"no video at all" * 100)
    make_clip(tmp_path / "clip.mp4", frames=3)
    before = sorted(Path().iterdir())
    result = edgeheat("tune", *["clip.mp4" if word == "CLIP" else word for word in arguments])
    assert (result.exit_code, result.stdout) == (1, ""), what
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
    assert "hush" not in result.stderr
    assert sorted(Path().iterdir()) == before


def test_existing_files_are_kept_and_new_ones_are_numbered(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=3)
    assert [edgeheat("tune", clip).exit_code for _ in range(2)] == [0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a_tune.jpg", "a_tune_1.jpg"]
