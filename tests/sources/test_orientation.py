"""Turned and mirrored pictures, and pixels that are not square: frames are shown as players show them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from numpy.typing import NDArray

from edgeheat.core.grid.frames import UPRIGHT, Frame, SizeWH
from edgeheat.core.grid.sampling import to_grid
from edgeheat.sources import open_source
from tests.sources.fakes import live, offline
from tests.support.media import U8, make_clip
from tests.support.rtsp import RtspServer

SIZE_WH = (96, 64)

TURNS = [(degrees, mirrored, False) for degrees in (0, 90, 180, 270) for mirrored in (False, True)]
"""All eight orientations."""


def corners(index: int, size_wh: SizeWH) -> U8:
    """A picture, BGR, whose four corners differ in brightness and in colour."""
    width, height = size_wh
    picture = np.full((height, width, 3), 60, np.uint8)
    picture[: height // 2, : width // 2] = (30, 30, 220)
    picture[: height // 2, width // 2 :] = (200, 120, 20)
    picture[height // 2 :, : width // 3] = (230, 230, 230)
    return picture


def _shown(turned: tuple[int, bool, bool]) -> NDArray[Any]:
    degrees, mirrored_x, mirrored_y = turned
    picture = np.rot90(corners(0, SIZE_WH), degrees // 90)
    return np.ascontiguousarray(picture[:: -1 if mirrored_y else 1, :: -1 if mirrored_x else 1])


def _check(frame: Frame, shown: NDArray[Any]) -> None:
    """Check size, grid, colour and chroma of a frame against the picture that players show."""
    height, width = shown.shape[:2]
    assert frame.size_wh == (width, height)
    half_wh = (width // 2, height // 2)
    half = cv2.resize(shown, half_wh, interpolation=cv2.INTER_AREA)
    wanted = cv2.cvtColor(half, cv2.COLOR_BGR2YCrCb).astype(int)
    assert np.abs(frame.colour(half_wh).astype(int) - half).mean() < 6
    assert np.abs(to_grid(frame, half_wh).astype(int) - wanted[..., 0]).mean() < 6
    chroma = frame.chroma(half_wh)
    assert chroma is not None
    assert np.abs(chroma.astype(int) - wanted[..., :0:-1]).mean() < 6


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("turned", TURNS, ids=str)
def test_a_turned_recording_is_upright(tmp_path: Path, turned: tuple[int, bool, bool], suffix: str) -> None:
    path = make_clip(tmp_path / f"clip.{suffix}", size_wh=SIZE_WH, frames=3, turned=turned, painter=corners)
    frames = list(open_source(str(path), offline()).frames())
    assert len(frames) == 3
    _check(frames[-1], _shown(turned))


@pytest.mark.parametrize("turned", TURNS, ids=str)
def test_a_turned_recording_without_a_luma_plane_is_upright(tmp_path: Path, turned: tuple[int, bool, bool]) -> None:
    path = make_clip(
        tmp_path / "clip.mov", codec="png", pix_fmt="rgb24", size_wh=SIZE_WH, frames=2, turned=turned, painter=corners
    )
    _check(next(open_source(str(path), offline()).frames()), _shown(turned))


def test_an_upright_recording_is_not_copied(tmp_path: Path) -> None:
    frame = next(open_source(str(make_clip(tmp_path / "clip.mp4", frames=2)), offline()).frames())
    assert frame.orientation is UPRIGHT and not frame.luma.flags.owndata


def _exif(orientation: int) -> bytes:
    """An APP1 segment of a JPEG that states nothing but an orientation."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff


@pytest.mark.parametrize(("orientation", "degrees"), [(1, 0), (3, 180), (6, 270), (8, 90)])
def test_jpeg_pictures_in_a_stream_may_state_an_orientation(tmp_path: Path, orientation: int, degrees: int) -> None:
    jpeg = cv2.imencode(".jpg", corners(0, SIZE_WH))[1].tobytes()
    path = tmp_path / "clip.mjpeg"
    path.write_bytes((jpeg[:2] + _exif(orientation) + jpeg[2:]) * 4)
    frames = list(open_source(str(path), offline()).frames())
    assert len(frames) == 4
    _check(frames[-1], _shown((degrees, False, False)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_in_a_folder_may_state_an_orientation(tmp_path: Path, orientation: int) -> None:
    jpeg = cv2.imencode(".jpg", corners(0, SIZE_WH))[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + _exif(orientation) + jpeg[2:])
    turned = {1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True)}
    turned |= {5: (270, True), 6: (270, False), 7: (90, True), 8: (90, False)}
    _check(next(open_source(str(tmp_path), offline()).frames()), _shown((*turned[orientation], False)))


def _with_orientation_message(path: Path, message: str) -> Path:
    """Write a recording in H.264 whose key frames have an SEI message that states an orientation."""
    plain = make_clip(path.with_suffix(".plain.ts"), size_wh=SIZE_WH, frames=30, painter=corners)
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        track = source.streams.video[0]
        copy = target.add_stream_from_template(track)
        adder = BitStreamFilterContext(f"h264_metadata=display_orientation=insert:{message}", track)
        for packet in source.demux(track):
            for changed in adder.filter(packet if packet.dts is not None else None):
                changed.stream = copy
                target.mux(changed)
    return path


def _orientations(frames: Iterator[Frame], count: int) -> set[SizeWH]:
    return {frame.size_wh for frame in islice(frames, count)}


def test_an_orientation_in_the_stream_holds_from_key_frame_to_key_frame(tmp_path: Path) -> None:
    path = _with_orientation_message(tmp_path / "clip.ts", "rotate=90")
    frames = list(open_source(str(path), offline()).frames())
    assert len(frames) == 30
    assert {frame.size_wh for frame in frames} == {SIZE_WH[::-1]}
    _check(frames[-1], _shown((90, False, False)))


@pytest.mark.parametrize(("start", "step"), [(0, 1), (5, 1), (3, 4)])
def test_an_orientation_in_the_stream_holds_after_skipped_pictures(tmp_path: Path, start: int, step: int) -> None:
    path = _with_orientation_message(tmp_path / "clip.h264", "rotate=90")
    frame = next(open_source(str(path), offline(start=start, step=step)).frames())
    assert frame.size_wh == SIZE_WH[::-1]


@pytest.mark.real("rtsp")
def test_a_camera_that_is_mounted_sideways_is_upright(tmp_path: Path) -> None:
    path = _with_orientation_message(tmp_path / "clip.ts", "rotate=270")
    with RtspServer({"/door": path}) as server:
        frames = open_source(server.url("/door"), live()).frames()
        for frame in islice(frames, 20):
            assert frame.size_wh == SIZE_WH[::-1]
        _check(frame, _shown((270, False, False)))
        frames.close()


@pytest.mark.parametrize(
    ("stored_wh", "pixel_aspect", "shown_wh"),
    [
        ((96, 96), Fraction(16, 9), (171, 96)),
        ((180, 144), Fraction(16, 15), (192, 144)),
        ((180, 120), Fraction(8, 9), (180, 135)),
        ((96, 48), Fraction(1, 2), (96, 96)),
        ((96, 64), Fraction(1, 1), (96, 64)),
        ((96, 64), Fraction(40, 1), (96, 64)),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_pixels_that_are_not_square_are_shown_undistorted(
    tmp_path: Path, suffix: str, stored_wh: SizeWH, pixel_aspect: Fraction, shown_wh: SizeWH
) -> None:
    path = make_clip(tmp_path / f"clip.{suffix}", size_wh=stored_wh, frames=10, pixel_aspect=pixel_aspect)
    frame = next(open_source(str(path), offline()).frames())
    assert frame.size_wh == shown_wh


def test_pixels_that_are_not_square_are_turned_with_the_picture(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "clip.mp4", size_wh=(96, 96), frames=2, pixel_aspect=Fraction(16, 9), turned=(90, False, False)
    )
    assert next(open_source(str(path), offline()).frames()).size_wh == (96, 171)


def test_the_shape_of_the_pixels_may_change(tmp_path: Path) -> None:
    wide = make_clip(tmp_path / "wide.h264", size_wh=(96, 96), frames=5, pixel_aspect=Fraction(16, 9))
    square = make_clip(tmp_path / "square.h264", size_wh=(160, 90), frames=5, pixel_aspect=Fraction(1, 1))
    both = tmp_path / "both.h264"
    both.write_bytes(wide.read_bytes() + square.read_bytes())
    sizes = [frame.size_wh for frame in open_source(str(both), offline()).frames()]
    assert sizes == [(171, 96)] * 5 + [(160, 90)] * 5
