"""`edgeheat plan`: a picture to check the points of a floor plan by."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.commands import edgeheat
from tests.support.floor import FRONT, FRONT_MARKS, pairs

POINTS = [list(point) for point in pairs(FRONT, FRONT_MARKS)]
GOOD = "synthetic:shop?size=320x180"


def config(tmp_path: Path, plans: tuple[str, ...] = ("floor",), sources: tuple[str, ...] = (GOOD,)) -> str:
    text = ""
    for number, source in enumerate(sources):
        text += f'[[camera]]\nname = "cam{number}"\nsource = "{source}"\n'
    for name in plans:
        text += f'[[plan]]\nname = "{name}"\nsize = [11, 10]\n'
        for number in range(len(sources)):
            text += f'[[plan.view]]\ncamera = "cam{number}"\npoints = {POINTS}\n'
    file = tmp_path / "config.toml"
    file.write_text(text)
    return str(file)


def test_it_writes_a_picture_of_the_plan_s_shape_and_replaces_an_older_one(tmp_path: Path) -> None:
    output = tmp_path / "check.jpg"
    output.write_bytes(b"older")
    result = edgeheat("plan", "-c", config(tmp_path), "-o", str(output))
    assert (result.exit_code, result.stdout) == (0, f"{output}\n")
    picture = cv2.imread(str(output))
    assert picture is not None and picture.shape == (1164, 1280, 3)


def test_a_camera_without_a_frame_is_reported_and_the_others_are_drawn(tmp_path: Path) -> None:
    output = tmp_path / "check.png"
    result = edgeheat("plan", "-c", config(tmp_path, sources=(GOOD, "/no/such/file.mp4")), "-o", str(output))
    assert result.exit_code == 0 and output.exists()
    assert "cam1: " in result.stderr and "/no/such/file.mp4" in result.stderr


def test_a_damaged_picture_of_the_plan_is_reported_and_the_cameras_are_drawn(tmp_path: Path) -> None:
    whole = cv2.imencode(".png", np.full((100, 110, 3), 255, np.uint8))[1].tobytes()
    (tmp_path / "floor.png").write_bytes(whole[: len(whole) // 2])
    file = Path(config(tmp_path))
    file.write_text(file.read_text().replace("size = [11, 10]", 'size = [11, 10]\nimage = "floor.png"'))
    output = tmp_path / "check.jpg"
    result = edgeheat("plan", "-c", str(file), "-o", str(output))
    assert result.exit_code == 0 and output.exists()
    assert "drawn without the plan's picture: " in result.stderr and "floor.png is damaged" in result.stderr


@pytest.mark.parametrize(
    ("what", "plans", "words", "said"),
    [
        ("no plan", (), [], "the configuration has no [[plan]]; docs/plan.md describes how to make one"),
        ("several plans and none named", ("floor", "cellar"), [], "name one of the plans: floor, cellar"),
        ("an unknown plan", ("floor",), ["roof"], "name one of the plans: floor"),
        ("no picture's name", ("floor",), ["-o", "check.txt"], "check.txt: the name must end in .png or .jpg"),
        ("no folder", ("floor",), ["-o", "/no/such/folder/check.jpg"], "there is no folder /no/such/folder"),
    ],
)
def test_errors_are_reported_in_one_line(
    tmp_path: Path, what: str, plans: tuple[str, ...], words: list[str], said: str
) -> None:
    result = edgeheat("plan", *words, "-c", config(tmp_path, plans))
    assert result.exit_code == 1
    assert said in result.stderr and "Traceback" not in result.stderr


def test_without_any_frame_it_fails_and_says_why(tmp_path: Path) -> None:
    result = edgeheat("plan", "-c", config(tmp_path, sources=("/no/such/file.mp4",)))
    assert result.exit_code == 1
    assert result.stderr.startswith("no camera of the plan gave a picture: cam0: ")


def test_one_of_several_plans_is_chosen_by_its_name(tmp_path: Path) -> None:
    output = tmp_path / "check.jpg"
    assert edgeheat("plan", "cellar", "-c", config(tmp_path, ("floor", "cellar")), "-o", str(output)).exit_code == 0
    assert output.exists()
