"""Recordings: times, irregular timestamps, damage, selection of frames, and live playback."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from edgeheat.errors import EdgeheatError, SourceEnded, SourceUnavailable
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions
from tests.sources.conftest import QUIET_X265
from tests.sources.fakes import FakeClock, offline
from tests.support.media import U8, make_audio, make_clip, truncate


def _numbered(index: int, size_wh: tuple[int, int]) -> U8:
    """A picture whose brightness encodes its number."""
    return np.full((size_wh[1], size_wh[0], 3), 20 + 5 * index, np.uint8)


def _numbers(path: Path, **settings: int) -> list[int]:
    frames = open_source(str(path), offline(**settings)).frames()
    return [round((float(f.colour(f.size_wh).mean()) - 20) / 5) for f in frames]


def _times_s(path: Path) -> list[float]:
    return [frame.mono_s for frame in open_source(str(path), offline()).frames()]


def _error(path: Path) -> EdgeheatError:
    with pytest.raises(EdgeheatError) as caught:
        list(open_source(str(path), offline()).frames())
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "mov"])
def test_offline_time_is_the_recordings_own(tmp_path: Path, suffix: str) -> None:
    times_s = _times_s(make_clip(tmp_path / f"clip.{suffix}", frames=20, fps=10))
    assert times_s == pytest.approx([index / 10 for index in range(20)], abs=0.001)


def test_irregular_frame_times_are_kept(tmp_path: Path) -> None:
    stated_s = [0.0, 0.1, 0.15, 1.4, 1.5, 4.0, 4.02]
    assert _times_s(make_clip(tmp_path / "clip.mkv", times_s=stated_s)) == pytest.approx(stated_s, abs=0.002)


@pytest.mark.parametrize(
    ("name", "codec", "fps"), [("clip.h264", "libx264", 15), ("clip.h265", "libx265", 15), ("clip.mjpeg", "mjpeg", 25)]
)
def test_a_raw_stream_has_the_rate_that_it_states_and_the_user_is_told(
    tmp_path: Path, name: str, codec: str, fps: int, caplog: pytest.LogCaptureFixture
) -> None:
    # Without a container there are no timestamps, and motion JPEG does not even state its rate.
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = QUIET_X265 if codec == "libx265" else {}
    path = make_clip(tmp_path / name, codec=codec, pix_fmt=pix_fmt, frames=20, options=options)
    assert _times_s(path) == pytest.approx([index / fps for index in range(20)])
    assert caplog.messages == [
        f"{path}: a raw stream without timestamps: {fps} frames per second are assumed; set its real rate with --fps "
        "(fps in a camera's settings)"
    ]


@pytest.mark.parametrize("name", ["clip.h264", "clip.mjpeg", "clip.mp4", "clip.avi", "clip.mkv", "clip.gif"])
def test_fps_replaces_the_times_of_any_recording(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    codec = {"gif": ("gif", "rgb8"), "mjpeg": ("mjpeg", "yuvj420p")}.get(name[5:], ("libx264", "yuv420p"))
    path = make_clip(tmp_path / name, codec=codec[0], pix_fmt=codec[1], frames=20)
    times_s = [frame.mono_s for frame in open_source(str(path), offline(fps=4.0)).frames()]
    assert times_s == pytest.approx([index / 4 for index in range(20)])
    assert caplog.messages == []


def test_fps_also_sets_the_pace_of_a_recording_that_is_repeated(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", frames=5)
    source = open_source(str(path), SourceOptions(clock=FakeClock(), loop=True, fps=4.0))
    assert np.diff([frame.mono_s for frame in islice(source.frames(), 12)]) == pytest.approx([0.25] * 11)


def test_a_rate_that_no_camera_has_is_doubted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_clip(tmp_path / "clip.mkv", times_s=[index / 500 for index in range(200)], fps=10)
    _times_s(path)
    assert len(caplog.messages) == 1
    assert re.match(r".*: [34]\d\d frames per second according to its timestamps, .* with --fps", caplog.messages[0])


def _copied(path: Path, clip: Path, pts_s: Callable[[int], float], dts_s: Callable[[int], float] | None = None) -> Path:
    """Copy a recording without encoding it again; each frame gets the time that belongs to its number."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        track = source.streams.video[0]
        copy = target.add_stream_from_template(track)
        packets = (packet for packet in source.demux(track) if packet.dts is not None)
        for index, packet in enumerate(packets):
            packet.pts = round(pts_s(index) / packet.time_base)
            packet.dts = round((dts_s or pts_s)(index) / packet.time_base)
            packet.stream = copy
            target.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4", "flv"])
@pytest.mark.parametrize("start_s", [7.0, 20_000.0])
def test_a_recording_whose_first_timestamp_is_not_0_is_complete(tmp_path: Path, suffix: str, start_s: float) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=40, fps=10)
    path = _copied(tmp_path / f"late.{suffix}", clip, lambda index: start_s + index / 10)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    frames = list(open_source(str(path), offline()).frames())
    assert [frame.mono_s for frame in frames] == pytest.approx([index / 10 for index in range(40)], abs=0.01)
    assert frames[0].wall_s == pytest.approx(1_600_000_000 - 4.0, abs=0.2)


def test_a_recording_that_becomes_slow_is_complete(tmp_path: Path) -> None:
    times_s = [*(index / 15 for index in range(30)), *(2.0 + index for index in range(40))]
    assert _times_s(make_clip(tmp_path / "clip.mkv", times_s=times_s)) == pytest.approx(times_s, abs=0.002)


def test_a_recording_with_an_edit_list_is_complete(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=60, fps=10)
    path = _copied(tmp_path / "cut.mp4", clip, lambda index: index / 10 - 2.0)
    assert _times_s(path) == pytest.approx([index / 10 for index in range(40)], abs=0.002)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
@pytest.mark.parametrize("wrong", [20, 59])
def test_a_single_frame_that_is_hours_off_is_dropped_and_the_user_is_told(
    tmp_path: Path, suffix: str, wrong: int, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=60, fps=10)
    path = _copied(
        tmp_path / f"wrong.{suffix}",
        clip,
        lambda index: index / 10 + 20_000 * (index == wrong),
        lambda index: index / 10,
    )
    times_s = _times_s(path)
    assert len(times_s) == 59
    assert times_s[-1] == pytest.approx(5.8 if wrong == 59 else 5.9, abs=0.15)
    assert caplog.messages == [f"{path}: 1 of 60 frames have impossible timestamps and were skipped"]


def test_times_increase_although_timestamps_jump_back(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "first.ts", frames=20, fps=10)
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() * 2)
    times_s = _times_s(both)
    assert len(times_s) == 40
    assert times_s == pytest.approx([index / 10 for index in range(40)], abs=0.02)


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "h264"), ("mjpeg", "mjpeg")])
def test_a_recording_may_change_its_size(tmp_path: Path, codec: str, suffix: str) -> None:
    pix_fmts = ("yuvj420p", "yuvj422p") if codec == "mjpeg" else ("yuv420p", "yuv420p")
    small = make_clip(tmp_path / f"small.{suffix}", codec=codec, pix_fmt=pix_fmts[0])
    large = make_clip(tmp_path / f"large.{suffix}", codec=codec, pix_fmt=pix_fmts[1], size_wh=(320, 240))
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(small.read_bytes() + large.read_bytes() + small.read_bytes())
    sizes = [frame.size_wh for frame in open_source(str(joined), offline()).frames()]
    assert sizes == [(160, 120)] * 30 + [(320, 240)] * 30 + [(160, 120)] * 30


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix", "levels"),
    [
        ("libx264", "yuv420p", "mp4", (16, 235)),
        ("libx264", "yuv422p", "mp4", (16, 235)),
        ("libx264", "yuv420p10le", "mp4", (64, 940)),
        ("ffv1", "gray", "mkv", (0, 255)),
        ("ffv1", "yuv444p", "mkv", (16, 235)),
        ("mjpeg", "yuvj422p", "avi", (0, 255)),
        ("libvpx-vp9", "yuv420p", "webm", (16, 235)),
    ],
)
def test_every_codec_gives_its_own_plane_and_levels(
    tmp_path: Path, codec: str, pix_fmt: str, suffix: str, levels: tuple[int, int]
) -> None:
    path = make_clip(tmp_path / f"clip.{suffix}", codec=codec, pix_fmt=pix_fmt, frames=5, painter=_numbered)
    frames = list(open_source(str(path), offline()).frames())
    assert [frame.levels for frame in frames] == [levels] * 5
    assert not any(frame.luma.flags.owndata for frame in frames)
    black, white = levels
    shown = [(float(f.luma.mean()) - black) / (white - black) * 255 for f in frames]
    assert shown == pytest.approx([20, 25, 30, 35, 40], abs=3)


def test_a_full_range_recording_has_full_range_levels(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", full_range=True, frames=3)
    assert {frame.levels for frame in open_source(str(path), offline()).frames()} == {(0, 255)}


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({}, list(range(20))),
        ({"start": 15}, [15, 16, 17, 18, 19]),
        ({"count": 3}, [0, 1, 2]),
        ({"step": 6}, [0, 6, 12, 18]),
        ({"start": 2, "count": 3, "step": 5}, [2, 7, 12]),
        ({"start": 17, "count": 9, "step": 2}, [17, 19]),
        ({"start": 50}, []),
    ],
)
def test_start_count_and_step_select_frames(tmp_path: Path, chosen: dict[str, int], numbers: list[int]) -> None:
    path = make_clip(tmp_path / "clip.mkv", codec="ffv1", pix_fmt="yuv444p", frames=20, painter=_numbered)
    assert _numbers(path, **chosen) == numbers


def test_wall_time_starts_at_the_creation_time(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", metadata={"creation_time": "2024-05-06T07:08:09.000000Z"})
    first, second = islice(open_source(str(path), offline()).frames(), 2)
    assert first.wall_s == 1714979289.0
    assert second.wall_s == pytest.approx(1714979289.0 + 1 / 15, abs=0.001)


def test_without_a_creation_time_wall_time_ends_at_the_files_modification_time(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", frames=30, fps=15)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    first = next(open_source(str(path), offline()).frames())
    assert first.wall_s == pytest.approx(1_600_000_000 - 2.0, abs=0.01)


@pytest.mark.parametrize("make_bad", ["missing", "empty", "text", "letters", "sound", "cut header", "cut index"])
def test_an_unreadable_recording_is_unavailable_with_one_line(tmp_path: Path, make_bad: str) -> None:
    path = tmp_path / "clip.mp4"
    expected = "not a video, or a damaged or incomplete one"
    if make_bad == "missing":
        expected = "no such file"
    elif make_bad == "empty":
        path.touch()
        expected = "the file is empty"
    elif make_bad == "text":
        path.write_text("name,count\n" * 500)
    elif make_bad == "letters":
        path = tmp_path / "notes.txt"
        path.write_text("name,count\n" * 500)
        expected = "text, not a video"
    elif make_bad == "sound":
        path = make_audio(tmp_path / "clip.mkv")
        expected = "no video track: it contains only audio or was cut off"
    elif make_bad == "cut header":
        path.write_bytes(make_clip(path).read_bytes()[:40])
    else:
        truncate(make_clip(path), 0.6)
    error = _error(path)
    assert type(error) is SourceUnavailable
    assert str(error) == f"{path}: {expected}"


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_cut_off_recording_yields_its_frames_and_then_raises_source_ended(tmp_path: Path, suffix: str) -> None:
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    path = truncate(make_clip(tmp_path / f"clip.{suffix}", frames=90, container_options=options), 0.5)
    given = []
    with pytest.raises(SourceEnded, match=r"cut off: \d\.\d s of (5\.9|6\.0) s can be read"):
        for frame in open_source(str(path), offline()).frames():
            given.append(frame.mono_s)
    assert 15 < len(given) < 75


@pytest.mark.parametrize("keep", [200, 400, 800, 1500])
def test_a_recording_cut_within_its_first_frame_does_not_crash(tmp_path: Path, keep: int) -> None:
    path = make_clip(tmp_path / "clip.mp4", container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:keep])
    assert type(_error(path)) is SourceUnavailable


def test_damaged_packets_are_skipped_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make_clip(tmp_path / "clip.avi", codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    third = -1
    for _ in range(3):
        third = data.index(b"\xff\xd8", third + 1)
    length = data.index(b"\xff\xd9", third) - third
    data[third : third + length] = bytes(length)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert len(list(open_source(str(path), offline()).frames())) == 29
    assert [record.getMessage() for record in caplog.records] == [f"{path}: skipped 1 damaged packets"]
    assert capfd.readouterr().err == ""


def test_live_playback_keeps_the_recordings_pace(tmp_path: Path) -> None:
    clock = FakeClock()
    path = make_clip(tmp_path / "clip.mkv", times_s=[0.0, 0.1, 0.5, 0.6])
    frames = list(open_source(str(path), SourceOptions(clock=clock)).frames())
    assert [frame.mono_s for frame in frames] == pytest.approx([1000.0, 1000.1, 1000.5, 1000.6], abs=0.002)
    assert frames[-1].wall_s == pytest.approx(clock.wall(), abs=0.001)


def test_repetitions_follow_one_another_without_a_gap(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", frames=5, fps=10)
    source = open_source(str(path), SourceOptions(clock=FakeClock(), loop=True))
    times_s = [frame.mono_s for frame in islice(source.frames(), 23)]
    assert np.diff(times_s) == pytest.approx([0.1] * 22, abs=0.001)


def test_special_characters_in_file_names_have_no_meaning(tmp_path: Path) -> None:
    for name in ("10:30 café 100%.mp4", "concat:a|b.mp4", "frame_%03d.mp4"):
        path = make_clip(tmp_path / name, frames=2)
        assert len(list(open_source(str(path), offline()).frames())) == 2


def test_a_title_that_is_not_utf_8_is_accepted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", frames=2, metadata={"title": "SHOP-NORTH"})
    path.write_bytes(path.read_bytes().replace(b"SHOP-NORTH", b"\xc9\xcc\xb5\xea\xff\xfe\xfd\x80\x81!"))
    assert len(list(open_source(str(path), offline()).frames())) == 2


def test_real_recordings_are_read_completely(clips: Path) -> None:
    expected = {"vtest_480x360.avi": (795, 79.5), "store-aisle-detection.gif": (67, 4.5)}
    for name, (count, length_s) in expected.items():
        times_s = _times_s(clips / name)
        assert len(times_s) == count
        assert times_s[-1] == pytest.approx(length_s, rel=0.05)
