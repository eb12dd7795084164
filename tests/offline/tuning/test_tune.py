"""`edgeheat tune`: what a recording's sheet and video show, and the settings it suggests."""

from __future__ import annotations

import tomllib
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
from edgeheat.config import build_config
from edgeheat.core.foreground.detector import Detection
from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.defs.params import MotionParams, PipelineParams, ZoneParams
from edgeheat.offline.tuning.advice import Advice, IgnoreMask, Setting, advise, as_toml
from edgeheat.offline.tuning.explanation import COLOURS_BGR, Part
from edgeheat.offline.tuning.statistics import FrameRecord, RecordingStatistics, Summary
from edgeheat.offline.tuning.tune import TuneJob, TuneResult, choose, table, tune
from tests.support.media import make_clip

U8 = NDArray[np.uint8]
FPS, SECONDS = 5, 120
LIGHT_S = 100


def busy_shop(index: int, size_wh: tuple[int, int]) -> U8:
    """A walker with a shadow before him, a television, something that is gone at once, and lamps that go off."""
    width, height = size_wh
    seconds = index / FPS
    picture = np.full((height, width, 3), (110, 130, 150), np.uint8)
    picture[:, ::16] = (90, 105, 125)
    # A shelf: a room without anything in it is taken for a covered lens.
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
        # Not all alike: what the exposure explains would be no reason to leave anything out.
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
    """The result for the busy shop, and its sheet below the key."""
    result = tune(job(shop, tmp_path_factory.mktemp("sheet") / "shop.png"), lambda count, total: None)
    sheet = cv2.imread(str(result.written[0]))
    assert sheet is not None
    return result, np.asarray(sheet[90:], np.uint8)


def painted(picture: U8, part: Part) -> int:
    """How many pixels show a part's colour over some grey."""
    grey = (picture.astype(np.float32) - 0.75 * np.array(COLOURS_BGR[part], np.float32)) / 0.25
    same = (grey.max(axis=2) - grey.min(axis=2) <= 6) & (grey.min(axis=2) > -6) & (grey.max(axis=2) < 261)
    return int(np.count_nonzero(same))


@pytest.mark.parametrize("part", ["traffic", "staying", "shadow", "speck", "flicker", "masked"])
def test_the_sheet_shows_each_part_in_its_colour_and_the_figures_count_it(
    done: tuple[TuneResult, U8], part: Part
) -> None:
    result, sheet = done
    assert result.summary.part_cell_s[part] > 0
    assert painted(sheet, part) > 50


def test_the_sheet_shows_when_the_light_changed_and_the_table_for_how_long(done: tuple[TuneResult, U8]) -> None:
    result, sheet = done
    assert 0.5 < result.summary.rejected_s["light"] < 20
    assert any("the light changed" in line for line in table(result.summary, ()))
    framed = np.all(sheet == COLOURS_BGR["given up"], axis=2)
    assert np.count_nonzero(framed) > 1000


def test_a_television_is_suggested_as_ignore_mask_where_it_hangs(done: tuple[TuneResult, U8]) -> None:
    result, _ = done
    assert len(result.advice.masks) == 1
    x, y = np.array(result.advice.masks[0].polygon).T
    assert (x.min(), x.max()) == pytest.approx((110 / 160, 146 / 160), abs=0.06)
    assert (y.min(), y.max()) == pytest.approx((10 / 120, 34 / 120), abs=0.08)


def loaded(toml: str) -> Any:
    """The camera of a configuration to which the suggestion was added."""
    text = '[[camera]]\nname = "till"\nsource = "synthetic:shop"\n\n' + toml
    return build_config(tomllib.loads(text), {}).camera[0]


def test_what_the_command_prints_is_toml_as_a_whole_and_the_configuration_takes_it(shop: Path, tmp_path: Path) -> None:
    sheet, video = tmp_path / "a.jpg", tmp_path / "a.mp4"
    result = edgeheat("tune", shop, "-o", sheet, "--video", video, "--frames", "60")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"# {sheet}\n# {video}\n" in result.stdout
    loaded(result.stdout)
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == 60
    assert frames[0].shape[1] == 2 * 320


def edgeheat(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def people(*blobs: tuple[float, float], times: int = 30) -> NDArray[np.float64]:
    return np.array(blobs * times, np.float64)


CALM = Summary(
    length_s=300.0, judged_s=300.0,
    part_cell_s={"traffic": 1000.0, "staying": 500.0, "given up": 0.0, "shadow": 0.0, "speck": 0.0, "flicker": 0.0,
                 "masked": 0.0},
    rejected_s={}, rejected_cell_s={}, people=people((120.0, 0.4), (200.0, 0.9)), speck_ratio=0.0, speckled_ratio=0.0,
    overlap_ratio=0.8, noise_levels=1.0, flicker_s=np.zeros((90, 160), np.float32),
    traffic_s=np.zeros((90, 160), np.float32),
)  # fmt: skip


def speckled(cell_s: float) -> dict[Part, float]:
    return {**CALM.part_cell_s, "speck": cell_s}


SUGGESTIONS: list[tuple[str, dict[str, Any], MotionParams, dict[str, str]]] = [
    ("all is well", {}, MotionParams(), {}),
    (
        "much that counts is far smaller than people",
        {"people": people((1600.0, 0.9), (1600.0, 0.5), (40.0, 0.6), (40.0, 0.7), (40.0, 0.8))},
        MotionParams(),
        {"min_blob_cells": "200"},
    ),
    (
        "little that counts is far smaller than people",
        {"people": people((1600.0, 0.9), (1600.0, 0.5), (40.0, 0.7))},
        MotionParams(),
        {},
    ),
    (
        "much is smaller, and people far away are small too",
        {"people": people((1600.0, 0.9), (400.0, 0.3), (14.0, 0.3), (40.0, 0.8), (40.0, 0.9))},
        MotionParams(),
        {"min_blob_cells": "225", "min_blob_far_cells": "12"},
    ),
    (
        "small blobs, yet the size is right already",
        {"people": people((1600.0, 0.9), (1600.0, 0.5), (40.0, 0.6), (40.0, 0.7), (40.0, 0.8))},
        MotionParams(min_blob_cells=200),
        {},
    ),
    (
        "people are so small that specks may be people",
        {"people": people((500.0, 0.9), (420.0, 0.4)), "part_cell_s": speckled(200.0)},
        MotionParams(min_blob_cells=90),
        {"min_blob_cells": "90", "min_blob_far_cells": "44"},
    ),
    (
        "specks all over are noise and not people far away",
        {"people": people((500.0, 0.9), (420.0, 0.4)), "part_cell_s": speckled(200.0), "speckled_ratio": 0.7},
        MotionParams(min_blob_cells=90),
        {},
    ),
    ("people run", {"overlap_ratio": 0.1}, MotionParams(), {"analysis_fps": "10.0"}),
    ("people run, but the recording is no quicker", {"overlap_ratio": 0.1}, MotionParams(analysis_fps=15.0), {}),
]


@pytest.mark.parametrize(("summary", "params", "wanted"), [pytest.param(*row, id=what) for what, *row in SUGGESTIONS])
def test_a_setting_is_suggested_where_the_figures_speak_for_it(
    summary: dict[str, Any], params: MotionParams, wanted: dict[str, str]
) -> None:
    advice = advise(replace(CALM, **summary), params, [], recorded_fps=15.0)
    assert {setting.key: setting.value for setting in advice.settings} == wanted
    text = as_toml(advice)
    loaded(text)
    assert ("no setting to change" in text) == (not wanted)


def test_of_a_recording_that_is_far_too_short_nothing_is_said_but_that() -> None:
    advice = advise(replace(CALM, length_s=12.0, overlap_ratio=0.1), MotionParams(), [], recorded_fps=15.0)
    words = "12 s are too little to suggest anything by: take a recording of some minutes"
    assert advice == Advice(remarks=(words,))
    assert as_toml(advice) == f"# {words}\n"


REMARKS: list[tuple[str, dict[str, Any], float, str]] = [
    ("too short", {"length_s": 12.0}, 15.0, "too little"),
    ("lamps", {"rejected_s": {"light": 60.0}}, 15.0, "the light changed for 60 s"),
    ("covered", {"rejected_s": {"unhealthy": 5.0}}, 15.0, "see to the camera first"),
    ("few frames", {}, 2.0, "2.0 frames a second"),
    ("ghosts", {"rejected_cell_s": {"ghost": 400.0}}, 15.0, "while the empty scene was learnt"),
    ("noise", {"speck_ratio": 0.01, "speckled_ratio": 0.7}, 15.0, "specks in 70% of the picture"),
    ("empty shop", {"people": np.zeros((0, 2))}, 15.0, "nobody was seen"),
]


@pytest.mark.parametrize(("summary", "fps", "words"), [pytest.param(*row, id=what) for what, *row in REMARKS])
def test_what_no_setting_mends_is_remarked(summary: dict[str, Any], fps: float, words: str) -> None:
    advice = advise(replace(CALM, **summary), MotionParams(), [], fps)
    assert words in " ".join(advice.remarks)
    loaded(as_toml(advice))


def test_an_ignore_mask_takes_a_free_name_and_says_who_passes() -> None:
    flicker_s, traffic_s = CALM.flicker_s.copy(), CALM.traffic_s.copy()
    flicker_s[20:40, 30:70] = 200.0
    traffic_s[20:40, 30:70] = 30.0
    summary = replace(CALM, flicker_s=flicker_s, traffic_s=traffic_s)
    advice = advise(summary, MotionParams(), ["flicker-1"], 15.0)
    [mask] = advice.masks
    assert mask.name == "flicker-2"
    assert "people pass there too, 30 s" in mask.why
    [zone] = loaded(as_toml(advice)).zone
    assert (zone.name, zone.kind) == ("flicker-2", "ignore")
    assert advise(summary, MotionParams(flicker_mask=False), [], 15.0).masks == ()


def test_settings_and_masks_come_as_one_toml() -> None:
    mask = IgnoreMask("screen", ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)), "flickered")
    camera = loaded(as_toml(Advice((Setting("min_blob_cells", "40", "noise"),), (mask,), ("look at the lens",))))
    assert camera.motion.min_blob_cells == 40
    assert [zone.name for zone in camera.zone] == ["screen"]


def test_what_lies_outside_the_zones_is_told_once_and_as_that() -> None:
    grid_wh, left_half = (32, 18), ZoneParams("left", "ignore", ((0.0, 0.0), (0.49, 0.0), (0.49, 1.0), (0.0, 1.0)))
    statistics = RecordingStatistics(ZoneMasks.from_params([left_half], grid_wh))
    nothing, shadow = np.zeros((18, 32), np.uint8), np.zeros((18, 32), np.uint8)
    shadow[4:6, 10:22] = 255
    for second in range(3):
        judged = Detection(nothing, nothing, None, nothing, None, {"shadow": shadow})
        statistics.add(judged, MotionMask(nothing, nothing, None, 1.0, float(second), float(second)))
    statistics.add_rejected(RejectedTime(cells_s={"shadow": 3.0 * 24}))
    parts = statistics.summary().part_cell_s
    assert {part: cell_s for part, cell_s in parts.items() if cell_s} == {"shadow": 36.0, "masked": 36.0}


def record(second: float, rejection: str | None = None, **cells: int) -> FrameRecord:
    every = dict.fromkeys(COLOURS_BGR, 0) | cells
    return FrameRecord(second, 0.2, b"", every, rejection)  # type: ignore[arg-type]


def test_chosen_instants_have_the_worst_of_each_reason_and_lie_apart() -> None:
    records = [record(second, traffic=100) for second in range(300)]
    records[50] = record(50, "light")
    records[100] = record(100, speck=900)
    records[101] = record(101, speck=899)
    records[200] = record(200, traffic=5000)
    chosen = choose(records, 10_000)
    assert {50, 100, 200} <= set(chosen)
    assert 101 not in chosen
    assert len(chosen) == 12
    seconds = sorted(chosen)
    assert min(later - earlier for earlier, later in pairwise(seconds)) >= 9


def test_a_recording_shorter_than_the_sheet_shows_all_it_has(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    result = tune(job(clip, tmp_path / "a.png"), lambda count, total: None)
    assert result.written == (tmp_path / "a.png",)
    assert "too little" in as_toml(result.advice)


def test_privacy_masks_are_black_on_the_sheet(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    everything = ZoneParams("all-of-it", "privacy", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    params = PipelineParams("shop", UTC, zones=(everything,))
    tune(job(clip, tmp_path / "a.png", params=params), lambda count, total: None)
    sheet = cv2.imread(str(tmp_path / "a.png"))
    assert sheet is not None
    assert sheet[70:250, 10:300].max() == 0


@pytest.mark.parametrize(
    ("what", "words", "told"),
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
def test_bad_input_is_refused_with_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_bytes(b"no video at all" * 100)
    make_clip(tmp_path / "clip.mp4", frames=3)
    before = sorted(Path().iterdir())
    result = edgeheat("tune", *["clip.mp4" if word == "CLIP" else word for word in words])
    assert (result.exit_code, result.stdout) == (1, ""), what
    assert len(result.stderr.splitlines()) == 1
    assert told in result.stderr
    assert "hush" not in result.stderr
    assert sorted(Path().iterdir()) == before


def test_names_that_are_taken_are_counted_up_beside_the_input(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=3)
    assert [edgeheat("tune", clip).exit_code for _ in range(2)] == [0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a_tune.jpg", "a_tune_1.jpg"]
