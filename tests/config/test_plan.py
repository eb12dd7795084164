"""Floor plans in the configuration: valid ones, and the full text of every error."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeheat.config import Config, load_config
from edgeheat.config.plan_points import MIN_POINTS
from edgeheat.errors import ConfigError
from edgeheat.plan_image import MAX_PIXELS, image_size_wh
from tests.support.floor import BACK, BACK_MARKS, FRONT, FRONT_MARKS, pairs

CAMERAS = (
    '[[camera]]\nname = "front"\nsource = "synthetic:shop"\n[[camera]]\nname = "back"\nsource = "synthetic:shop"\n'
)
FOUR = "[[0.2, 0.7, 2, 6.5], [0.85, 0.7, 8, 6.5], [0.65, 0.35, 7.6, 1.4], [0.4, 0.35, 2.9, 1.4]]"


def plan(points: str = FOUR, camera: str = "front", head: str = 'name = "floor"\nsize = [11, 10]\n') -> str:
    return f'{CAMERAS}[[plan]]\n{head}[[plan.view]]\ncamera = "{camera}"\npoints = {points}\n'


def load(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_config(file, {"STATE_DIRECTORY": "/var/lib/edgeheat"}, run_secrets=tmp_path / "no-secrets")


def written(points: tuple[tuple[float, ...], ...]) -> str:
    return str([[round(value, 4) for value in point] for point in points])


POINTS = "plan[0].view[0].points"
EACH = "each is [x and y in the picture, x and y on the plan in metres], such as [0.12, 0.85, 1.5, 8.2]"

# Each: what is wrong; the file; the full text of every error.
# ruff: noqa: E501
ERRORS: list[tuple[str, str, list[str]]] = [
    (
        "three point pairs",
        plan("[[0.2, 0.7, 2, 6.5], [0.85, 0.7, 8, 6.5], [0.65, 0.35, 7.6, 1.4]]"),
        [f"{POINTS}: needs at least 4 points, has 3; {EACH}"],
    ),
    ("no points", plan("[]"), [f"{POINTS}: needs at least 4 points, has 0; {EACH}"]),
    ("points that are no list", plan('"all"'), [f'{POINTS}: is "all"; write a list of points: {EACH}']),
    (
        "a point without a place on the plan",
        plan(FOUR.replace("[0.2, 0.7, 2, 6.5]", "[0.2, 0.7]")),
        [f"{POINTS}: point 1 is [0.2, 0.7]; {EACH}"],
    ),
    (
        "a point that is text",
        plan(FOUR.replace("0.85", '"right"')),
        [f"{POINTS}: point 2 is ['right', 0.7, 8, 6.5]; {EACH}"],
    ),
    (
        "a point that is no number",
        plan(FOUR.replace("0.85", "nan")),
        [f"{POINTS}: point 2 is [nan, 0.7, 8, 6.5]; {EACH}"],
    ),
    (
        "a whole number of too many digits",
        plan(FOUR.replace("6.5]", f"1{'0' * 400}]", 1)),
        [f"{POINTS}: point 1 is [0.2, 0.7, 2, 1000000000000000000000000000000000000000000...; {EACH}"],
    ),
    (
        "a size of too many digits",
        plan(head=f'name = "floor"\nsize = [1{"0" * 400}, 10]\n'),
        [
            "plan[0].size: is [10000000000000000000000000000000000000000000000000000000...; "
            "write width and depth in metres, such as [12.0, 9.5]"
        ],
    ),
    (
        "a picture in a home folder that is not there",
        plan(head='name = "floor"\nsize = [11, 10]\nimage = "~no-such-user/floor.png"\n'),
        ["plan[0].image: ~no-such-user/floor.png cannot be read: No such file or directory"],
    ),
    (
        "a picture with a zero byte in its name",
        plan(head='name = "floor"\nsize = [11, 10]\nimage = "a\\u0000b.png"\n'),
        ["plan[0].image: 'a\\x00b.png' is not a file name"],
    ),
    (
        "too many points",
        plan(f"[{', '.join(['[0.1, 0.1, 1, 1]'] * 25)}]"),
        [f"{POINTS}: has 25 points; at most 24 are accepted, remove some"],
    ),
    (
        "a point outside the picture",
        plan(FOUR.replace("0.85", "1.2")),
        [
            f"{POINTS}: point 2 lies outside the picture, at 1.2, 0.7; "
            "the first two go from 0 to 1 of the picture's width and height, from its top left"
        ],
    ),
    (
        "pixels for shares of the picture",
        plan("[[200, 400, 2, 6.5], [1100, 400, 8, 6.5], [800, 250, 7.6, 1.4], [500, 250, 2.9, 1.4]]"),
        [
            f"{POINTS}: point 1 lies outside the picture, at 200, 400; "
            "the first two go from 0 to 1 of the picture's width and height, from its top left"
        ],
    ),
    (
        "a point before the plan's corner",
        plan(FOUR.replace("2.9, 1.4]", "2.9, -1.4]")),
        [f"{POINTS}: point 4 lies outside the plan, at 2.9, -1.4; the last two are metres from the plan's top left"],
    ),
    (
        "a point beyond the plan",
        plan(FOUR.replace("2, 6.5", "2, 16.5")),
        [f"{POINTS}: point 1 lies outside the plan, at 2, 16.5; the plan is 11 by 10 m: correct the point or the size"],
    ),
    (
        "one place of the picture twice",
        plan(FOUR.replace("0.85, 0.7", "0.2, 0.7")),
        [f"{POINTS}: points 1 and 2 are at the same place in the picture; every mark needs its own"],
    ),
    (
        "one place of the plan twice",
        plan(FOUR.replace("7.6, 1.4", "2.9, 1.4")),
        [f"{POINTS}: points 3 and 4 are at the same place on the plan; every mark needs its own"],
    ),
    (
        "three of four in line in the picture",
        plan("[[0.2, 0.7, 2, 6.5], [0.5, 0.7, 5, 6.5], [0.8, 0.7, 7.6, 1.4], [0.4, 0.35, 2.9, 1.4]]"),
        [
            f"{POINTS}: points 1, 2 and 3 lie nearly on one line in the picture; "
            "spread them near and far, left and right"
        ],
    ),
    (
        "three of four nearly in line on the plan",
        plan("[[0.2, 0.7, 2, 6.5], [0.5, 0.8, 5, 6.6], [0.8, 0.7, 8, 6.5], [0.4, 0.35, 2.9, 1.4]]"),
        [f"{POINTS}: points 1, 2 and 3 lie nearly on one line on the plan; spread them near and far, left and right"],
    ),
    (
        "six points of which five are in line",
        plan(
            "[[0.2, 0.7, 2, 6.5], [0.3, 0.7, 3, 6.5], [0.4, 0.7, 4, 6.5], [0.5, 0.7, 5, 6.5], [0.6, 0.7, 6, 6.5], [0.4, 0.35, 2.9, 1.4]]"
        ),
        [
            f"{POINTS}: are not spread out: of any four of them, three lie nearly on one line; "
            "add points on both sides of it, near and far"
        ],
    ),
    (
        "two points exchanged",
        plan("[[0.85, 0.7, 2, 6.5], [0.2, 0.7, 8, 6.5], [0.65, 0.35, 7.6, 1.4], [0.4, 0.35, 2.9, 1.4]]"),
        [
            f"{POINTS}: are not a possible view of a floor: some go clockwise in the picture and anticlockwise on the plan; "
            "two points are exchanged, or one is mistyped"
        ],
    ),
    (
        "y measured from the wrong side",
        plan("[[0.2, 0.7, 2, 3.5], [0.85, 0.7, 8, 3.5], [0.65, 0.35, 7.6, 8.6], [0.4, 0.35, 2.9, 8.6]]"),
        [f"{POINTS}: show the floor mirrored: on the plan, x goes right and y goes down from its top left corner"],
    ),
    (
        "an unknown camera",
        plan(camera="frnt"),
        ['plan[0].view[0].camera: is "frnt", which is not a camera; did you mean "front"?'],
    ),
    (
        "an unknown camera that is like none",
        plan(camera="xyz"),
        ['plan[0].view[0].camera: is "xyz", which is not a camera; use the name of a [[camera]] table'],
    ),
    (
        "a camera twice",
        plan() + f'[[plan.view]]\ncamera = "front"\npoints = {FOUR}\n',
        ['plan[0].view[1].camera: is "front", which view 0 has already; put all points into one view'],
    ),
    (
        "a camera's name",
        plan(head='name = "back"\nsize = [11, 10]\n'),
        ['plan[0].name: is "back", which is the name of a camera; choose another'],
    ),
    (
        "a camera's name but for capitals",
        plan(head='name = "Back"\nsize = [11, 10]\n'),
        [
            'plan[0].name: is "Back"; use 1 to 32 of a-z, 0-9, _ and -',
            'plan[0].name: is "Back", which is the name of a camera; choose another',
        ],
    ),
    (
        "two plans of one name",
        plan() + f'[[plan]]\nname = "floor"\nsize = [11, 10]\n[[plan.view]]\ncamera = "back"\npoints = {FOUR}\n',
        ['plan[1].name: is "floor", as in plan[0]; names must be unique'],
    ),
    (
        "no view",
        CAMERAS + '[[plan]]\nname = "floor"\nsize = [11, 10]\n',
        ["plan[0]: has no camera; add a [[plan.view]] table with camera and points"],
    ),
    ("no size", plan(head='name = "floor"\n'), ["plan[0].size: is missing"]),
    (
        "a size in words",
        plan(head='name = "floor"\nsize = "11 x 10"\n'),
        ['plan[0].size: is "11 x 10"; write width and depth in metres, such as [12.0, 9.5]'],
    ),
    (
        "a size in centimetres",
        plan(head='name = "floor"\nsize = [1100, 1000]\n'),
        ["plan[0].size: is [1100, 1000]; each side must have 1 to 500 metres"],
    ),
    (
        "an unknown setting",
        plan(head='name = "floor"\nsize = [11, 10]\npicture = "floor.png"\n'),
        ["plan[0].picture: is not a setting; the settings here are image, name, size, view"],
    ),
    (
        "cameras without a heat in common",
        plan(FOUR).replace('name = "back"\n', 'name = "back"\nheats = { week = { kind = "window", length = "7d" } }\n')
        + f'[[plan.view]]\ncamera = "back"\npoints = {FOUR}\n',
        [
            "plan[0]: has no heat to show: its cameras keep none in common; give all one of the same name, kind and length"
        ],
    ),
]


@pytest.mark.parametrize(("text", "errors"), [pytest.param(*case, id=what) for what, *case in ERRORS])
def test_an_error_of_a_plan_says_where_it_is_and_what_would_be_right(
    tmp_path: Path, text: str, errors: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.errors == [f"{tmp_path / 'config.toml'}: {error}" for error in errors]


@pytest.mark.parametrize(
    "nonsense", ["plan = 3\n", "plan = [3]\n", "plan = [{ view = [3] }]\n", "plan = [{ view = 3 }]\n"]
)
def test_wrong_types_are_reported(tmp_path: Path, nonsense: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, nonsense + CAMERAS)
    assert all("must be" in error or "is missing" in error for error in caught.value.errors)


@pytest.mark.parametrize("marks", [pairs(FRONT, FRONT_MARKS), pairs(BACK, BACK_MARKS), pairs(FRONT, FRONT_MARKS)[1:]])
def test_points_measured_in_a_real_view_are_accepted(
    tmp_path: Path, marks: tuple[tuple[float, float, float, float], ...]
) -> None:
    assert len(marks) >= MIN_POINTS
    (found,) = load(tmp_path, plan(written(marks))).plan
    assert np.array(found.view[0].points) == pytest.approx(np.array(marks), abs=1e-4)


def test_a_plan_shows_the_heats_that_all_its_cameras_keep_in_the_order_of_the_first(tmp_path: Path) -> None:
    heats = {
        "front": 'recent = { kind = "decaying", half_life = "30m" }, hour = { kind = "window", length = "1h" }, day = { kind = "window", length = "24h" }',
        "back": 'day = { kind = "window", length = "24h" }, hour = { kind = "window", length = "1h", of = "dwell" }, recent = { kind = "decaying", half_life = "30m" }',
    }
    text = plan() + f'[[plan.view]]\ncamera = "back"\npoints = {FOUR}\n'
    for camera, kept in heats.items():
        text = text.replace(f'name = "{camera}"\n', f'name = "{camera}"\nheats = {{ {kept} }}\n')
    (params,) = load(tmp_path, text).plan_params()
    assert [heat.name for heat in params.heats] == ["recent", "day"], "hour counts something else in each"


def test_a_plan_uses_zones_and_grid_of_its_cameras_and_the_style_of_the_defaults(tmp_path: Path) -> None:
    text = "[defaults.style]\nmax_width = 640\n" + plan().replace(
        'name = "front"\n',
        'name = "front"\nmotion = { grid_width = 160 }\n'
        'zone = [{ name = "tv", kind = "ignore", polygon = [[0, 0], [1, 0], [1, 1]] }]\n',
    )
    (params,) = load(tmp_path, text).plan_params()
    (view,) = params.views
    assert (params.style.max_width, view.grid_width, [zone.name for zone in view.zones]) == (640, 160, ["tv"])


# The plan's picture.


def png(width: int, height: int) -> bytes:
    """Return the beginning of a PNG whose header states this size; nothing may decode it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def with_image(tmp_path: Path, name: str, content: bytes | None) -> str:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    return plan(head=f'name = "floor"\nsize = [11, 10]\nimage = "{name}"\n')


IMAGE_FAULTS = [
    ("missing", None, "cannot be read: No such file or directory"),
    ("empty", b"", "is not a picture; use a PNG, JPEG or WebP file, or remove image"),
    ("text", b"a drawing of the shop", "is not a picture; use a PNG, JPEG or WebP file, or remove image"),
    (
        "a PDF",
        b"%PDF-1.7 and so on, for more than thirty bytes",
        "is not a picture; use a PNG, JPEG or WebP file, or remove image",
    ),
    (
        "a JPEG cut off",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        "is not a picture; use a PNG, JPEG or WebP file, or remove image",
    ),
    (
        "a bomb",
        png(60_000, 50_000),
        "has 60000 by 50000 pixels; at most 24 million are accepted: scale it down, a width of 2000 pixels is sufficient",
    ),
]


@pytest.mark.parametrize(("content", "error"), [pytest.param(*case, id=what) for what, *case in IMAGE_FAULTS])
def test_a_picture_that_cannot_be_used_is_reported(tmp_path: Path, content: bytes | None, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, with_image(tmp_path, "floor.png", content))
    image = tmp_path / "floor.png"
    assert caught.value.errors == [f"{tmp_path / 'config.toml'}: plan[0].image: {image} {error}"]


def test_a_picture_of_the_service_is_searched_beside_the_file_of_which_systemd_passes_a_copy(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(with_image(tmp_path, "floor.png", None))
    with pytest.raises(ConfigError, match=r"plan\[0\]\.image: /etc/edgeheat/floor\.png cannot be read"):
        load_config(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}, run_secrets=tmp_path / "no-secrets")


def test_a_folder_is_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "floor.png").mkdir()
    with pytest.raises(ConfigError, match=r"floor\.png cannot be read: Is a directory"):
        load(tmp_path, with_image(tmp_path, "floor.png", None))


def test_a_named_pipe_is_rejected_without_opening_it(tmp_path: Path) -> None:
    pipe = tmp_path / "floor.png"
    os.mkfifo(pipe)
    keep_open = os.open(pipe, os.O_RDWR)  # else a error would hang here, and not fail
    try:
        os.write(keep_open, png(100, 100))
        with pytest.raises(ConfigError, match=r"floor\.png is not a regular file"):
            load(tmp_path, with_image(tmp_path, "floor.png", None))
    finally:
        os.close(keep_open)


@pytest.mark.parametrize(
    ("suffix", "flags"),
    [
        (".png", []),
        (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 80]),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
    ],
    ids=["png", "jpeg", "progressive jpeg", "webp", "lossless webp"],
)
def test_the_size_of_a_picture_is_read_without_a_decoder(tmp_path: Path, suffix: str, flags: list[int]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (37, 123, 3)).astype(np.uint8)
    file = tmp_path / f"floor{suffix}"
    assert cv2.imwrite(str(file), picture, flags)
    with file.open("rb") as opened:
        assert image_size_wh(opened) == (123, 37)
    config = load(tmp_path, with_image(tmp_path, file.name, None))
    assert config.plan[0].image == str(file), "a relative path begins at the configuration's folder"


def test_the_size_of_an_extended_webp_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.webp"
    file.write_bytes(
        b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00" + b"\x7a\x00\x00" + b"\x24\x00\x00"
    )
    with file.open("rb") as opened:
        assert image_size_wh(opened) == (123, 37)


def test_the_largest_picture_is_accepted_and_one_more_column_is_not(tmp_path: Path) -> None:
    width = MAX_PIXELS // 4000
    load(tmp_path, with_image(tmp_path, "floor.png", png(width, 4000)))
    with pytest.raises(ConfigError, match="scale it down"):
        load(tmp_path, with_image(tmp_path, "floor.png", png(width + 1, 4000)))
