"""Rendering recordings to files, with real decoders and encoders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.heatmap import draw
from edgeheat.defs.params import HeatParams, Measure, MotionParams, PipelineParams, Style, VideoCodec, ZoneParams
from edgeheat.errors import EdgeheatError, SourceUnavailable
from edgeheat.offline.render import RenderJob, RenderResult, render
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions
from tests.offline.videos import read_video, square_on_grey
from tests.support.media import make_clip, truncate
from tests.support.small_disk import small_disk

PARAMS = PipelineParams(
    "clip", UTC, motion=MotionParams(bootstrap_s=1.0), style=Style(legend=False, title=False, colormap="hot")
)
SIZE_WH = (160, 120)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=60, fps=10, painter=square_on_grey)


def job(source: str | Path, **changes: Any) -> RenderJob:
    plain = RenderJob(
        str(source), PARAMS, image=None, video=None, grid=None, start=0, count=None, step=1, fps=None, overwrite=False,
        video_quality=20,
    )  # fmt: skip
    return replace(plain, **changes)


def render_silently(job: RenderJob) -> RenderResult:
    return render(job, lambda done, total: None)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_image_grid_and_video_show_the_heat_where_something_moved(clip: Path, tmp_path: Path) -> None:
    wanted = job(clip, image=tmp_path / "a.png", grid=tmp_path / "a.npz", video=tmp_path / "a.mp4")
    result = render_silently(wanted)
    assert result.written == (wanted.image, wanted.grid, wanted.video)
    assert result.frames == 60
    assert result.observed_s == pytest.approx(5.8, abs=0.3)
    with np.load(tmp_path / "a.npz") as grid:
        heat_s = grid["heat_s"]
        assert (heat_s.dtype, heat_s.shape) == (np.float32, (120, 160))
        assert float(grid["observed_s"]) == pytest.approx(result.observed_s)
        assert float(grid["period_s"]) == pytest.approx(5.9, abs=0.3)
        assert float(grid["end_wall_s"] - grid["start_wall_s"]) == pytest.approx(5.9, abs=0.01)
    assert heat_s[40:55].mean() > 20 * heat_s[75:].mean()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture is not None
    assert picture.shape == (120, 160, 3)
    warmth = picture[..., 2].astype(int) - picture[..., 0]
    assert warmth[40:55].mean() > warmth[75:].mean() + 25


@pytest.mark.parametrize("measure", ["presence", "traffic"])
def test_the_title_names_the_measure(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measure: Measure
) -> None:
    captions: list[Caption | None] = []

    def drawn(grid: HeatGrid, background: U8 | None, style: Style, size_wh: SizeWH, caption: Caption | None) -> U8:
        captions.append(caption)
        return draw(grid, background, style, size_wh, caption)

    monkeypatch.setattr("edgeheat.offline.render.draw", drawn)
    render_silently(job(clip, image=tmp_path / "a.png", measure=measure))
    [caption] = captions
    assert caption is not None
    assert (caption.measure, caption.period) == (
        measure,
        "6 s recorded" if measure == "presence" else "traffic, 6 s recorded",
    )


def test_the_grid_equals_the_pipelines_byte_for_byte(clip: Path, tmp_path: Path) -> None:
    render_silently(job(clip, grid=tmp_path / "a.npz"))
    engine = CameraPipeline(replace(PARAMS, heats=(HeatParams("total", "total"),)))
    for frame in open_source(str(clip), SourceOptions(clock=None)).frames():
        engine.step(frame)
    engine.flush()
    wanted = engine.heat("total", frame.mono_s, frame.wall_s)
    assert wanted is not None
    with np.load(tmp_path / "a.npz") as grid:
        assert grid["heat_s"].tobytes() == wanted.heat_s.tobytes()


def test_the_heat_grows_in_the_video_on_one_scale(clip: Path, tmp_path: Path) -> None:
    style = replace(PARAMS.style, overlay=False)
    params = replace(PARAMS, style=style)
    render_silently(job(clip, params=params, image=tmp_path / "a.png", video=tmp_path / "a.mp4"))
    _, pictures = read_video(tmp_path / "a.mp4")
    brightness = [float(picture[30:60].mean()) for picture in pictures]
    assert brightness[0] < 2
    assert all(later >= earlier - 0.5 for earlier, later in pairwise(brightness))
    final = cv2.imread(str(tmp_path / "a.png"))
    assert final is not None
    assert np.abs(pictures[-1].astype(int) - final).mean() < 8


def test_increments_do_not_accumulate(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engines: list[CameraPipeline] = []

    def made(params: PipelineParams) -> CameraPipeline:
        engines.append(CameraPipeline(params))
        return engines[-1]

    monkeypatch.setattr("edgeheat.offline.render.CameraPipeline", made)
    kept: list[int] = []
    wanted = job(clip, grid=clip.with_suffix(".npz"))
    render(wanted, lambda done, total: kept.append(len(engines[0].take_report().increments)))
    assert max(kept) == 0


def test_the_video_keeps_each_frames_own_time(tmp_path: Path) -> None:
    times_s = [0.0, 0.1, 0.2, 0.9, 1.0, 1.04, 2.5, 2.6]
    source = make_clip(tmp_path / "vfr.mkv", times_s=times_s, painter=square_on_grey)
    render_silently(job(source, video=tmp_path / "out.mp4"))
    assert read_video(tmp_path / "out.mp4")[0] == pytest.approx(times_s, abs=0.002)


@pytest.mark.parametrize("codec", ["vp9", "av1"])
def test_every_codec_shows_the_same_pictures_at_the_same_times(clip: Path, tmp_path: Path, codec: VideoCodec) -> None:
    render_silently(job(clip, video=tmp_path / "a.mp4"))
    render_silently(job(clip, video=tmp_path / "a.webm", video_codec=codec))
    (h264_times_s, h264_pictures), (times_s, pictures) = read_video(tmp_path / "a.mp4"), read_video(tmp_path / "a.webm")
    assert times_s == pytest.approx(h264_times_s, abs=0.002)  # Matroska keeps milliseconds
    for picture, expected in zip(pictures, h264_pictures, strict=True):
        assert cv2.absdiff(picture, expected).mean() < 4


def test_odd_sizes_are_padded_for_the_video_only(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(12):
        cv2.imwrite(str(folder / f"frame_{index}.png"), square_on_grey(index, (161, 121)))
    render_silently(job(folder, fps=10.0, image=tmp_path / "a.png", video=tmp_path / "a.mp4"))
    times_s, pictures = read_video(tmp_path / "a.mp4")
    assert pictures[0].shape == (122, 162, 3)
    assert times_s[-1] == pytest.approx(1.1, abs=0.01)
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image is not None
    assert image.shape == (121, 161, 3)


def test_the_chosen_quality_is_that_of_the_video(clip: Path, tmp_path: Path) -> None:
    for crf in (10, 40):
        render_silently(job(clip, video=tmp_path / f"{crf}.mp4", video_quality=crf))
    assert (tmp_path / "10.mp4").stat().st_size > 1.5 * (tmp_path / "40.mp4").stat().st_size


def test_a_privacy_zone_is_black_in_image_and_video(clip: Path, tmp_path: Path) -> None:
    corner = ZoneParams("till", "privacy", ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0)))
    params = replace(PARAMS, zones=(corner,))
    render_silently(job(clip, params=params, image=tmp_path / "a.png", video=tmp_path / "a.mp4", video_quality=1))
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image is not None
    for picture in (image, *read_video(tmp_path / "a.mp4")[1]):
        assert picture[:, 104:].max() < 12
        assert picture[:, :80].mean() > 20


def test_start_count_and_step_choose_the_frames(clip: Path, tmp_path: Path) -> None:
    result = render_silently(job(clip, start=10, count=15, step=3, video=tmp_path / "a.mp4"))
    times_s, _ = read_video(tmp_path / "a.mp4")
    assert result.frames == len(times_s) == 15
    assert times_s[-1] == pytest.approx(14 * 0.3, abs=0.01)


def test_a_synthetic_scene_can_be_rendered(tmp_path: Path) -> None:
    result = render_silently(
        job("synthetic:shop?size=160x96&fps=5&duration=6", image=tmp_path / "a.webp", video=tmp_path / "a.mp4")
    )
    assert result.frames == 30
    assert (tmp_path / "a.webp").read_bytes().startswith(b"RIFF")


def test_one_frame_is_enough_for_a_picture(clip: Path, tmp_path: Path) -> None:
    result = render_silently(
        job(clip, count=1, image=tmp_path / "a.jpg", video=tmp_path / "a.mp4", grid=tmp_path / "a.npz")
    )
    assert (result.frames, result.observed_s) == (1, 0.0)
    assert (tmp_path / "a.jpg").read_bytes().startswith(b"\xff\xd8")


def test_progress_is_reported_for_each_frame_of_both_passes(clip: Path, tmp_path: Path) -> None:
    reported: list[tuple[int, int | None]] = []
    render(job(clip, video=tmp_path / "a.mp4"), lambda done, total: reported.append((done, total)))
    assert reported == [(done, 120) for done in range(1, 121)]


def test_existing_files_are_kept_and_new_ones_are_numbered(clip: Path, tmp_path: Path) -> None:
    wanted = job(clip, count=3, image=tmp_path / "heat.png")
    (tmp_path / "heat.png").write_bytes(b"mine")
    assert render_silently(wanted).written == (tmp_path / "heat_1.png",)
    assert render_silently(wanted).written == (tmp_path / "heat_2.png",)
    assert (tmp_path / "heat.png").read_bytes() == b"mine"


def test_overwrite_replaces_an_existing_file(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "heat.png").write_bytes(b"mine")
    render_silently(job(clip, count=3, image=tmp_path / "heat.png", overwrite=True))
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")
    assert names_in(tmp_path) == ["heat.png"]


def stop_at(frame: int) -> Callable[[int, int | None], None]:
    def on_progress(done: int, total: int | None) -> None:
        if done == frame:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("frame", [5, 80])
@pytest.mark.parametrize("overwrite", [False, True])
def test_ctrl_c_leaves_nothing_behind(clip: Path, tmp_path: Path, frame: int, overwrite: bool) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    wanted = job(clip, image=tmp_path / "a.png", grid=tmp_path / "a.npz", video=tmp_path / "a.mp4", overwrite=overwrite)
    with pytest.raises(KeyboardInterrupt):
        render(wanted, stop_at(frame))
    assert names_in(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def broken_sources(folder: Path, clip: Path) -> dict[str, Path]:
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is not a video\n" * 100)
    (folder / "headless.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    (folder / "pictures").mkdir()
    return {name: folder / name for name in ("missing.mp4", "empty.mp4", "text.mp4", "headless.mp4", "pictures")}


@pytest.mark.parametrize("name", ["missing.mp4", "empty.mp4", "text.mp4", "headless.mp4", "pictures"])
def test_an_unreadable_recording_is_rejected_with_one_line(clip: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    source = broken_sources(tmp_path, clip)[name]
    with pytest.raises(SourceUnavailable) as caught:
        render_silently(job(source, image=out / "a.png", video=out / "a.mp4", grid=out / "a.npz"))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names_in(out) == []


@pytest.mark.parametrize("ending", [".mkv", ".avi"])
def test_a_recording_that_is_cut_off_is_used_up_to_that_point(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    torn = truncate(make_clip(tmp_path / f"torn{ending}", frames=60, fps=10, painter=square_on_grey), 0.6)
    with caplog.at_level(logging.WARNING, "edgeheat.offline"):
        result = render_silently(job(torn, image=tmp_path / "a.png", video=tmp_path / "a.mp4"))
    assert 20 <= result.frames < 60
    assert len(read_video(tmp_path / "a.mp4")[0]) == result.frames
    assert [f"torn{ending}" in message and str(result.frames) in message for message in caplog.messages] == [True]


def test_no_frames_in_the_chosen_part_is_an_error(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no frames in the chosen part"):
        render_silently(job(clip, start=1000, image=tmp_path / "a.png"))
    assert names_in(tmp_path) == []


def test_a_bad_output_is_rejected_before_any_frame_is_read(clip: Path, tmp_path: Path) -> None:
    def never(done: int, total: int | None) -> None:
        raise AssertionError("a frame was read")

    (tmp_path / "taken.png").mkdir()
    same = tmp_path / "same.mp4"
    same.write_bytes(clip.read_bytes())
    for wanted, message in (
        (job(clip), "nothing to write"),
        (job(clip, image=tmp_path / "nowhere" / "a.png"), "there is no folder"),
        (job(clip, image=tmp_path / "a.tiff"), r"must end in \.png or"),
        (job(clip, image=tmp_path / "a"), "must end in"),
        (job(clip, video=tmp_path / "a.avi"), r"a video in h264 must end in \.mp4 or"),
        (job(clip, video=tmp_path / "a.webm"), r"a video in h264 must end in \.mp4 or"),
        (job(clip, video=tmp_path / "a.mov", video_codec="vp9"), r"a video in vp9 must end in \.webm or"),
        (job(clip, video=tmp_path / "a.m4v", video_codec="av1"), r"a video in av1 must end in \.webm or"),
        (job(clip, grid=tmp_path / "a.npy"), r"must end in \.npz"),
        (job(clip, image=tmp_path / "taken.png"), "that is a folder"),
        (job(same, video=same, overwrite=True), "the recording itself"),
        (job(f"file://{same}", video=same, overwrite=True), "the recording itself"),
    ):
        with pytest.raises(EdgeheatError, match=message):
            render(wanted, never)
    assert names_in(tmp_path) == ["same.mp4", "taken.png"]


@pytest.mark.parametrize("output", ["image", "video", "grid"])
def test_a_full_disk_is_reported_and_leaves_nothing_behind(clip: Path, tmp_path: Path, output: str) -> None:
    name = {"image": "a.png", "video": "a.mp4", "grid": "a.npz"}[output]
    with small_disk(tmp_path, 16) as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(15 * 1024))
        with pytest.raises(EdgeheatError, match=rf"{name} could not be written: the disk is full"):
            render_silently(job(clip, **{output: disk / name}))
        assert names_in(disk) == ["filler"]


def test_a_live_camera_is_rejected_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(EdgeheatError) as caught:
        render_silently(job("rtsp://user:secret@127.0.0.1:9/x", image=tmp_path / "a.png"))
    assert "secret" not in str(caught.value)


def test_the_heat_of_a_real_recording_lies_on_its_paths(clips: Path, tmp_path: Path) -> None:
    result = render_silently(job(clips / "vtest_480x360.avi", grid=tmp_path / "a.npz", image=tmp_path / "a.png"))
    assert result.frames == 795
    assert result.observed_s == pytest.approx(79.5, rel=0.02)
    with np.load(tmp_path / "a.npz") as grid:
        heat_s = grid["heat_s"]
    walkway, building, lawn = heat_s[80:140, 180:300], heat_s[:40, 150:250], heat_s[190:235, 20:70]
    assert walkway.mean() > 10 * building.mean()
    assert walkway.mean() > 10 * lawn.mean()
