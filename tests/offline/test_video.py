"""The masks of a run grow into exactly its heat, and pictures become videos that browsers play."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.defs.params import HeatParams, Measure, VideoCodec
from edgeheat.errors import EdgeheatError
from edgeheat.offline.video import MaskLog, check_video_target, write_video
from tests.core.counting import CELL, SHAPE, heats_of, mask_of, random_masks
from tests.offline.videos import read_video, square_on_grey

SIZE_WH = (160, 120)
ENDINGS: dict[VideoCodec, tuple[str, ...]] = {
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "vp9": (".webm", ".mkv", ".mp4"),
    "av1": (".webm", ".mkv", ".mp4"),
}
DECODERS: dict[VideoCodec, str] = {"h264": "h264", "vp9": "vp9", "av1": "libdav1d"}
EVERYWHERE: U8 = np.full(SHAPE, 255, np.uint8)


def pictures(count: int, size_wh: SizeWH = SIZE_WH) -> Iterator[tuple[U8, float]]:
    """Pictures at ten a second; their times do not begin at 0."""
    for index in range(count):
        yield square_on_grey(index, size_wh), 100.0 + index / 10


def written(file: Path, count: int = 10, codec: VideoCodec = "h264", crf: int = 20, size_wh: SizeWH = SIZE_WH) -> Path:
    write_video(file, file.suffix, pictures(count, size_wh), size_wh=size_wh, rate=10.0, codec=codec, crf=crf)
    return file


# The growing heat.


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), measure=st.sampled_from(["presence", "traffic", "dwell"]))
def test_the_growing_heat_of_a_video_ends_at_exactly_the_heat_of_the_picture(
    seed: int, count: int, measure: Measure
) -> None:
    heats, log = heats_of((HeatParams("total", "total", measure=measure),)), MaskLog(measure)
    masks = random_masks(seed, count)
    for mask in masks:
        heats.count(mask)
        log.extend([mask])
    growing, before = log.replay(SHAPE), np.zeros(SHAPE, np.float32)
    for mask in masks:
        assert growing.add_until(mask.mono_s)
        assert (growing.heat_s >= before).all()
        before = growing.heat_s
    heats.close()
    total = heats.read("total", mask.mono_s, mask.wall_s)
    assert growing.heat_s.tobytes() == total.heat_s.tobytes()
    assert not growing.add_until(mask.mono_s + 1)


@pytest.mark.parametrize(
    ("measure", "cell_s"),
    [("traffic", [1.0, 1.0, 4.0, 5.0]), ("dwell", [0.0, 30.0, 30.0, 30.0]), ("presence", [1.0, 31.0, 34.0, 35.0])],
)
def test_dwell_and_late_movement_appear_at_the_instant_at_which_they_are_confirmed(
    measure: Measure, cell_s: list[float]
) -> None:
    nowhere = np.zeros(SHAPE, np.uint8)
    log = MaskLog(measure)
    log.extend(
        [
            mask_of(EVERYWHERE, 10.0, 1.0),
            mask_of(EVERYWHERE, 11.0, 1.0, moving=nowhere, dwell_ms=np.full(SHAPE, 30_000, np.uint32)),
            mask_of(EVERYWHERE, 12.0, 1.0, moving=nowhere, moved_ms=np.full(SHAPE, 3_000, np.uint32)),
        ]
    )
    log.extend([mask_of(EVERYWHERE, 13.0, 1.0)])
    growing = log.replay(SHAPE)
    assert not growing.add_until(9.9) and growing.heat_s.max() == 0.0
    grown = []
    for at_s in (10.0, 11.5, 12.0, 99.0):
        assert growing.add_until(at_s)
        grown.append(float(growing.heat_s[CELL]))
    assert grown == cell_s


def test_each_replay_starts_empty() -> None:
    log = MaskLog("traffic")
    log.extend([mask_of(EVERYWHERE, 10.0, 0.5)])
    log.replay(SHAPE).add_until(10.0)
    again = log.replay(SHAPE)
    assert again.heat_s.max() == 0.0
    assert again.add_until(10.0) and (again.heat_s == 0.5).all()


# The file.


@pytest.mark.parametrize(("codec", "ending"), [(codec, ending) for codec, all_ in ENDINGS.items() for ending in all_])
def test_the_video_has_the_chosen_codec_in_the_pixel_format_that_every_browser_plays(
    tmp_path: Path, codec: VideoCodec, ending: str
) -> None:
    file = tmp_path / f"out{ending}"
    check_video_target(file, codec, "recording.avi")
    with av.open(str(written(file, codec=codec))) as container:
        track = container.streams.video[0]
        assert (track.codec_context.name, track.codec_context.pix_fmt) == (DECODERS[codec], "yuv420p")
        assert (track.width, track.height) == SIZE_WH
        assert len(list(container.decode(track))) == 10


@pytest.mark.parametrize(
    ("codec", "ending"),
    [("h264", ".avi"), ("h264", ".webm"), ("h264", ""), ("vp9", ".mov"), ("av1", ".m4v"), ("av1", ".gif")],
)
def test_an_ending_that_browsers_do_not_play_with_the_codec_is_rejected(
    tmp_path: Path, codec: VideoCodec, ending: str
) -> None:
    with pytest.raises(EdgeheatError, match=f"a video in {codec} must end in "):
        check_video_target(tmp_path / f"out{ending}", codec, "recording.avi")


def test_a_pyav_without_an_encoder_is_reported_before_the_recording_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("av.codecs_available", {"libx264"})
    check_video_target(tmp_path / "a.mp4", "h264", "recording.avi")
    with pytest.raises(EdgeheatError, match="no encoder for av1: install the av wheel"):
        check_video_target(tmp_path / "a.mp4", "av1", "recording.avi")


@pytest.mark.parametrize("codec", ["h264", "vp9", "av1"])
def test_lower_crf_makes_a_larger_video(tmp_path: Path, codec: VideoCodec) -> None:
    fine, coarse = (written(tmp_path / f"{crf}.mp4", 30, codec, crf).stat().st_size for crf in (10, 40))
    assert fine > 1.5 * coarse


def test_odd_sizes_are_padded_with_their_last_row_and_column(tmp_path: Path) -> None:
    _, (first, *_) = read_video(written(tmp_path / "a.mp4", size_wh=(161, 121), crf=1))
    assert first.shape == (122, 162, 3)
    assert cv2.absdiff(first[121], first[120]).mean() < 5 and cv2.absdiff(first[:, 161], first[:, 160]).mean() < 5


def test_each_picture_is_shown_from_its_own_time_and_none_is_lost(tmp_path: Path) -> None:
    """Two pictures of one instant would be rejected by the encoder; the second is shown right after the first."""
    times_s = [7.0, 7.1, 7.1, 7.9, 9.5]
    shown = ((square_on_grey(index, SIZE_WH), at_s) for index, at_s in enumerate(times_s))
    write_video(tmp_path / "a.mp4", ".mp4", shown, size_wh=SIZE_WH, rate=10.0, codec="h264", crf=20)
    found_s, _ = read_video(tmp_path / "a.mp4")
    assert found_s == pytest.approx([0.0, 0.1, 0.1, 0.9, 2.5], abs=0.001)
    assert found_s == sorted(set(found_s))


def test_a_size_that_cannot_be_encoded_is_an_error_that_says_what_to_try(tmp_path: Path) -> None:
    with pytest.raises(EdgeheatError, match=r"cannot be encoded: .*: try another size or quality"):
        written(tmp_path / "a.webm", 1, "vp9", size_wh=(70_000, 2))


def test_a_file_that_cannot_be_written_raises_the_system_s_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        written(tmp_path / "nowhere" / "a.mp4")
