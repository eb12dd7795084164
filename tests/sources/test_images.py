"""Folders of images: order, selection, unreadable images, and times."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.errors import SourceUnavailable
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.images import natural_order
from edgeheat.sources.tiff import page_count
from tests.sources.fakes import FakeClock, offline
from tests.support.media import truncate


def _picture(path: Path, value: int) -> None:
    cv2.imwrite(str(path), np.full((24, 32, 3), value, np.uint8))


def _values(folder: Path, options: SourceOptions | None = None) -> list[int]:
    frames = open_source(str(folder), options or offline()).frames()
    return [int(frame.luma.mean()) for frame in frames]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """frame_0 to frame_11, each as bright as its number."""
    for index in range(12):
        _picture(tmp_path / f"frame_{index}.png", index)
    return tmp_path


def test_pictures_come_in_natural_order(folder: Path) -> None:
    assert _values(folder) == list(range(12))


@given(st.permutations([f"cam1 2024-{m}-{d} frame_{i}.png" for m in (1, 11) for d in (2, 10) for i in (3, 20)]))
def test_natural_order_reads_every_number_in_a_name(names: list[str]) -> None:
    ordered = sorted((Path(name) for name in names), key=natural_order)
    assert [p.name for p in ordered] == [
        f"cam1 2024-{m}-{d} frame_{i}.png" for m in (1, 11) for d in (2, 10) for i in (3, 20)
    ]


def test_start_count_and_step_select_images(folder: Path) -> None:
    assert _values(folder, offline(start=1, count=3, step=4)) == [1, 5, 9]
    assert _values(folder, offline(start=10)) == [10, 11]


def test_times_follow_fps_and_the_first_images_modification_time(folder: Path) -> None:
    os.utime(folder / "frame_0.png", (1_600_000_000, 1_600_000_000))
    frames = list(open_source(str(folder), offline(fps=4.0)).frames())
    assert [frame.mono_s for frame in frames] == [index / 4 for index in range(12)]
    assert [frame.wall_s for frame in frames][:2] == [1_600_000_000.0, 1_600_000_000.25]
    assert next(open_source(str(folder), offline(start=0)).frames()).mono_s == 0.0


def test_the_default_frame_rate_is_25(folder: Path) -> None:
    second = list(islice(open_source(str(folder), offline()).frames(), 2))[1]
    assert second.mono_s == pytest.approx(1 / 25)


def test_live_playback_repeats_the_folder_at_its_pace(folder: Path) -> None:
    clock = FakeClock()
    source = open_source(str(folder), SourceOptions(clock=clock, loop=True, fps=5.0))
    frames = list(islice(source.frames(), 30))
    assert [int(frame.luma.mean()) for frame in frames] == [index % 12 for index in range(30)]
    assert np.diff([frame.mono_s for frame in frames]) == pytest.approx([0.2] * 29)


def test_symbolic_links_are_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "folder").symlink_to(folder)
    _picture(elsewhere / "picture.png", 99)
    (elsewhere / "picture.png").rename(elsewhere / "picture.bin")
    (folder / "frame_12.png").symlink_to(elsewhere / "picture.bin")
    assert _values(elsewhere / "folder") == [*range(12), 99]


def test_unreadable_images_are_skipped_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "frame_2.png").write_bytes(b"no picture")
    (folder / "frame_3.png").write_bytes(b"")
    (folder / "frame_12.png").symlink_to(folder / "gone.png")
    (folder / "notes.txt").write_text("not asked for")
    (folder / "old.png").mkdir()
    with caplog.at_level(logging.WARNING):
        frames = list(open_source(str(folder), offline(fps=1.0)).frames())
    assert [int(frame.luma.mean()) for frame in frames] == [0, 1, 4, 5, 6, 7, 8, 9, 10, 11]
    assert [frame.mono_s for frame in frames] == [0, 1, 4, 5, 6, 7, 8, 9, 10, 11]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        str(folder / name) for name in ("frame_2.png", "frame_3.png", "frame_12.png")
    ]
    assert "can't open" not in capfd.readouterr().err


def test_a_folder_without_a_readable_image_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no images to read"):
        _values(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceUnavailable, match="none of its 1 images can be read"):
        _values(tmp_path)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_colour_and_16_bit_images_are_read(tmp_path: Path, dtype: type, white: int, channels: int) -> None:
    shape = (24, 32) if channels == 1 else (24, 32, channels)
    cv2.imwrite(str(tmp_path / "a.png"), np.full(shape, white // 2, dtype))
    frame = next(open_source(str(tmp_path), offline()).frames())
    assert frame.luma.dtype == dtype
    assert frame.luma.shape == (24, 32)
    assert frame.levels == (0, white)
    assert frame.luma[0, 0] == white // 2
    colour = frame.colour((16, 12))
    assert colour.shape == (12, 16, 3)
    assert np.abs(colour.astype(int) - 127).max() <= 1


def _stack(path: Path, values: range, dtype: type = np.uint8) -> Path:
    """A TIFF file with a page for each value."""
    assert cv2.imwritemulti(str(path), [np.full((24, 32), value, dtype) for value in values])
    return path


@pytest.mark.parametrize("name", ["stack.tif", "stack.TIFF"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_page_of_a_tiff_file_is_a_picture(tmp_path: Path, name: str, dtype: type) -> None:
    path = _stack(tmp_path / "made.tif", range(1, 31), dtype).rename(tmp_path / name)
    source = open_source(str(path), offline(fps=5.0))
    assert source.frame_count() == 30
    frames = list(source.frames())
    assert [int(frame.luma.mean()) for frame in frames] == list(range(1, 31))
    assert [frame.mono_s for frame in frames] == pytest.approx([index / 5 for index in range(30)])
    assert _values(path, offline(start=3, count=4, step=5)) == [4, 9, 14, 19]


def test_pages_in_a_folder_are_pictures_of_their_own(folder: Path) -> None:
    _stack(folder / "frame_5a.tif", range(100, 103))
    assert _values(folder) == [0, 1, 2, 3, 4, 5, 100, 101, 102, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(("step", "most_calls"), [(1, 6), (3, 5), (10, 12)])
def test_pages_of_a_tiff_file_are_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, most_calls: int
) -> None:
    path = _stack(tmp_path / "stack.tif", range(120))
    calls = []
    read = cv2.imreadmulti
    monkeypatch.setattr(cv2, "imreadmulti", lambda *args, **options: calls.append(args) or read(*args, **options))
    assert _values(path, offline(step=step)) == list(range(0, 120, step))
    assert len(calls) <= most_calls


def test_of_a_tiff_file_only_the_unusable_page_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pages = [np.full((24, 32), value, np.float32 if value == 20 else np.uint8) for value in range(60)]
    assert cv2.imwritemulti(str(tmp_path / "stack.tif"), pages)
    assert _values(tmp_path / "stack.tif") == [value for value in range(60) if value != 20]
    assert [message.partition(":")[0] for message in caplog.messages] == [f"{tmp_path / 'stack.tif'}, page 21"]


def test_a_tiff_file_that_refers_to_itself_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _stack(tmp_path / "stack.tif", range(3))
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * entries)
    struct.pack_into("<I", data, second + 2 + 12 * struct.unpack_from("<H", data, second)[0], first)
    path.write_bytes(data)
    assert page_count(path) == (2, False)
    assert _values(path) == [0, 1]
    assert f"{path}: cut off after 2 pages" in caplog.messages


def test_a_tiff_file_that_is_cut_off_is_used_up_to_that_point(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = truncate(_stack(tmp_path / "stack.tif", range(1, 31)), 0.5)
    values = _values(path)
    assert 5 < len(values) < 25 and values == list(range(1, len(values) + 1))
    assert any(message.startswith(f"{path}: cut off after") for message in caplog.messages)


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", b"text" * 9]
)
def test_a_damaged_tiff_file_is_unavailable(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "stack.tif").write_bytes(data)
    with pytest.raises(SourceUnavailable, match="can be read"):
        _values(tmp_path / "stack.tif")


def test_a_tiff_file_that_is_missing_or_named_differently_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no such file"):
        _values(tmp_path / "stack.tif")
    _stack(tmp_path / "stack.tif", range(9)).rename(tmp_path / "stack.bin")
    with pytest.raises(SourceUnavailable, match="a TIFF file: rename it"):
        _values(tmp_path / "stack.bin")


def test_bigtiff_pages_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "big.tif"
    directory = struct.pack("<Q", 0)
    path.write_bytes(
        b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + directory + struct.pack("<Q", 32) + directory + bytes(8)
    )
    assert page_count(path) == (2, True)


def test_animations_in_a_folder_are_skipped_with_the_reason(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    still = cv2.imencode(".png", np.full((24, 32, 3), 50, np.uint8))[1].tobytes()
    control = struct.pack(">II", 2, 0)
    chunk = struct.pack(">I", 8) + b"acTL" + control + struct.pack(">I", zlib.crc32(b"acTL" + control))
    (folder / "frame_3.png").write_bytes(still[:33] + chunk + still[33:])
    (folder / "frame_4.webp").write_bytes(b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(9))
    assert _values(folder) == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert caplog.messages == [
        f"{folder / name}: skipped (an animation; convert it to a video)" for name in ("frame_3.png", "frame_4.webp")
    ]
