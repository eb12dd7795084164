"""The picture by which a floor plan's calibration is checked: what is drawn, what is missing, what is rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeheat.config import Config
from edgeheat.config.load import build_config
from edgeheat.core.grid.frames import U8
from edgeheat.errors import EdgeheatError
from edgeheat.offline.plan import check_plan
from tests.sources.fakes import FakeClock
from tests.support.floor import FRONT, FRONT_MARKS, pairs

POINTS = [list(point) for point in pairs(FRONT, FRONT_MARKS)]
SHOP = "synthetic:shop?size=320x180"
MISSING = "/no/such/file.mp4"


def config(*sources: str, names: tuple[str, ...] = ("floor",), **plan: Any) -> Config:
    """Plans that show the same views; each is a metre deeper than the one before."""
    cameras = [{"name": f"cam{number}", "source": source} for number, source in enumerate(sources)]
    views = [{"camera": camera["name"], "points": POINTS} for camera in cameras]
    plans = [{"name": name, "size": [11, 10 + more], "view": views, **plan} for more, name in enumerate(names)]
    return build_config({"camera": cameras, "plan": plans}, {})


def floor_picture(file: Path, level: int = 255) -> bytes:
    data = cv2.imencode(".png", np.full((1164, 1280, 3), level, np.uint8))[1].tobytes()
    file.write_bytes(data)
    return data


def drawn(settings: Config, output: Path, name: str | None = None) -> tuple[U8, list[str]]:
    written, warnings = check_plan(settings, name, output, FakeClock())
    assert written == output
    picture = cv2.imread(str(output))
    assert picture is not None
    return np.asarray(picture, np.uint8), warnings


def test_a_live_camera_s_first_frame_is_drawn_and_an_older_picture_replaced(tmp_path: Path) -> None:
    output = tmp_path / "check.png"
    output.write_bytes(b"older")
    picture, warnings = drawn(config(SHOP), output)
    assert picture.shape == (1164, 1280, 3) and picture.std() > 10
    assert warnings == []
    assert [file.name for file in tmp_path.iterdir()] == ["check.png"]


def test_a_camera_without_a_picture_is_named_and_the_others_are_drawn(tmp_path: Path) -> None:
    alone, _ = drawn(config(SHOP), tmp_path / "alone.png")
    both, warnings = drawn(config(SHOP, MISSING), tmp_path / "both.png")
    assert len(warnings) == 1 and warnings[0].startswith("cam1: ") and MISSING in warnings[0]
    assert both.shape == alone.shape and both.std() > 10


def test_without_any_picture_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(EdgeheatError, match=r"no camera of the plan gave a picture: cam0: .*; cam1: "):
        check_plan(config(MISSING, MISSING), None, tmp_path / "check.png", FakeClock())
    assert list(tmp_path.iterdir()) == []


def test_the_plan_s_own_picture_is_drawn_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "floor.png"
    whole = floor_picture(file, level=130)
    with_picture, warnings = drawn(config(SHOP, image=str(file)), tmp_path / "with.png")
    assert warnings == []
    file.write_bytes(whole[: len(whole) // 2])
    without, warnings = drawn(config(SHOP, image=str(file)), tmp_path / "without.png")
    assert warnings == [f"drawn without the plan's picture: {file} is damaged; save it again"]
    assert with_picture.shape == without.shape and (with_picture != without).mean() > 0.1


def test_the_plan_s_own_picture_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "floor.png"
    before = floor_picture(file)
    with pytest.raises(EdgeheatError, match=r"floor\.png"):
        check_plan(config(SHOP, image=str(file)), None, file, FakeClock())
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        ((), None, r"the configuration has no \[\[plan\]\]"),
        (("floor", "cellar"), None, "name one of the plans: floor, cellar"),
        (("floor",), "roof", "name one of the plans: floor"),
    ],
)
def test_which_plan_is_meant_must_be_clear(
    tmp_path: Path, names: tuple[str, ...], chosen: str | None, message: str
) -> None:
    with pytest.raises(EdgeheatError, match=message):
        check_plan(config(SHOP, names=names), chosen, tmp_path / "check.png", FakeClock())


def test_one_of_several_plans_is_chosen_by_its_name(tmp_path: Path) -> None:
    settings = config(SHOP, names=("floor", "cellar"))
    floor, cellar = (drawn(settings, tmp_path / f"{name}.png", name)[0] for name in ("floor", "cellar"))
    assert floor.shape == (1164, 1280, 3)
    assert cellar.shape[0] / cellar.shape[1] == pytest.approx(1.0, abs=0.01), "as deep as it is wide"
