"""Suggestions from given statistics: which setting is suggested when, and that all of it is valid TOML."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.defs.params import MotionParams
from edgeheat.offline.tuning.advice import Advice, IgnoreMask, Setting, advise, as_toml
from edgeheat.offline.tuning.explanation import CellClass
from edgeheat.offline.tuning.statistics import Summary
from tests.offline.tuning.configuration import parse_camera


def people(*blobs: tuple[float, float], times: int = 30) -> NDArray[np.float64]:
    return np.array(blobs * times, np.float64)


UNDISTURBED = Summary(
    length_s=300.0, observed_s=300.0,
    class_cell_s={"traffic": 1000.0, "staying": 500.0, "discarded": 0.0, "shadow": 0.0, "speck": 0.0, "flicker": 0.0,
                 "masked": 0.0},
    rejected_s={}, rejected_cell_s={}, people=people((120.0, 0.4), (200.0, 0.9)), speck_ratio=0.0, speckled_ratio=0.0,
    overlap_ratio=0.8, noise_levels=1.0, screen_text_ratio=0.0,
    flicker_s=np.zeros((90, 160), np.float32), traffic_s=np.zeros((90, 160), np.float32),
)  # fmt: skip


def speckled(cell_s: float) -> dict[CellClass, float]:
    return {**UNDISTURBED.class_cell_s, "speck": cell_s}


SUGGESTIONS: list[tuple[str, dict[str, Any], MotionParams, dict[str, str]]] = [
    ("nothing to improve", {}, MotionParams(), {}),
    (
        "many counted blobs are far smaller than people",
        {"people": people((1600.0, 0.9), (1600.0, 0.5), (40.0, 0.6), (40.0, 0.7), (40.0, 0.8))},
        MotionParams(),
        {"min_blob_cells": "200"},
    ),
    (
        "few counted blobs are far smaller than people",
        {"people": people((1600.0, 0.9), (1600.0, 0.5), (40.0, 0.7))},
        MotionParams(),
        {},
    ),
    (
        "many blobs are smaller, and people far away are small too",
        {"people": people((1600.0, 0.9), (400.0, 0.3), (14.0, 0.3), (40.0, 0.8), (40.0, 0.9))},
        MotionParams(),
        {"min_blob_cells": "225", "min_blob_far_cells": "12"},
    ),
    (
        "small blobs, but the minimum size is already right",
        {"people": people((1600.0, 0.9), (1600.0, 0.5), (40.0, 0.6), (40.0, 0.7), (40.0, 0.8))},
        MotionParams(min_blob_cells=200),
        {},
    ),
    (
        "people are so small that specks may be people",
        {"people": people((500.0, 0.9), (420.0, 0.4)), "class_cell_s": speckled(200.0)},
        MotionParams(min_blob_cells=90),
        {"min_blob_cells": "90", "min_blob_far_cells": "44"},
    ),
    (
        "specks everywhere are noise and not people far away",
        {"people": people((500.0, 0.9), (420.0, 0.4)), "class_cell_s": speckled(200.0), "speckled_ratio": 0.7},
        MotionParams(min_blob_cells=90),
        {},
    ),
    ("people run", {"overlap_ratio": 0.1}, MotionParams(), {"analysis_fps": "10.0"}),
    (
        "people run, but the recording has no higher frame rate",
        {"overlap_ratio": 0.1},
        MotionParams(analysis_fps=15.0),
        {},
    ),
]


@pytest.mark.parametrize(("summary", "params", "wanted"), [pytest.param(*row, id=what) for what, *row in SUGGESTIONS])
def test_a_setting_is_suggested_where_the_statistics_support_it(
    summary: dict[str, Any], params: MotionParams, wanted: dict[str, str]
) -> None:
    advice = advise(replace(UNDISTURBED, **summary), params, [], recorded_fps=15.0)
    assert {setting.key: setting.value for setting in advice.settings} == wanted
    text = as_toml(advice)
    parse_camera(text)
    assert ("no setting to change" in text) == (not wanted)


def test_a_too_short_recording_gives_only_that_remark() -> None:
    advice = advise(replace(UNDISTURBED, length_s=12.0, overlap_ratio=0.1), MotionParams(), [], recorded_fps=15.0)
    remark = "12 s are too short for suggestions: use a recording of several minutes"
    assert advice == Advice(remarks=(remark,))
    assert as_toml(advice) == f"# {remark}\n"


REMARKS: list[tuple[str, dict[str, Any], float, str]] = [
    ("too short", {"length_s": 12.0}, 15.0, "too short"),
    ("lamps", {"rejected_s": {"light": 60.0}}, 15.0, "the light changed for 60 s"),
    ("covered", {"rejected_s": {"unhealthy": 5.0}}, 15.0, "fix the camera first"),
    ("few frames", {}, 2.0, "2.0 frames per second"),
    ("ghosts", {"rejected_cell_s": {"ghost": 400.0}}, 15.0, "while the background was learned"),
    ("noise", {"speck_ratio": 0.01, "speckled_ratio": 0.7}, 15.0, "specks in 70% of the picture"),
    ("empty shop", {"people": np.zeros((0, 2))}, 15.0, "no people were detected"),
]


@pytest.mark.parametrize(("summary", "fps", "words"), [pytest.param(*row, id=what) for what, *row in REMARKS])
def test_what_no_setting_can_improve_is_remarked(summary: dict[str, Any], fps: float, words: str) -> None:
    advice = advise(replace(UNDISTURBED, **summary), MotionParams(), [], fps)
    assert words in " ".join(advice.remarks)
    parse_camera(as_toml(advice))


def test_an_ignore_mask_gets_a_free_name_and_mentions_people_who_pass() -> None:
    flicker_s, traffic_s = UNDISTURBED.flicker_s.copy(), UNDISTURBED.traffic_s.copy()
    flicker_s[20:40, 30:70] = 200.0
    traffic_s[20:40, 30:70] = 30.0
    summary = replace(UNDISTURBED, flicker_s=flicker_s, traffic_s=traffic_s)
    advice = advise(summary, MotionParams(), ["flicker-1"], 15.0)
    [mask] = advice.masks
    assert mask.name == "flicker-2"
    assert "people pass there too, 30 s" in mask.reason
    [zone] = parse_camera(as_toml(advice)).zone
    assert (zone.name, zone.kind) == ("flicker-2", "ignore")
    assert advise(summary, MotionParams(flicker_mask=False), [], 15.0).masks == ()


def test_settings_and_masks_come_as_one_toml() -> None:
    mask = IgnoreMask("screen", ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)), "flickered")
    camera = parse_camera(as_toml(Advice((Setting("min_blob_cells", "40", "noise"),), (mask,), ("look at the lens",))))
    assert camera.motion.min_blob_cells == 40
    assert [zone.name for zone in camera.zone] == ["screen"]


def test_a_longer_gap_is_suggested_for_a_time_lapse_and_nothing_is_said_of_people() -> None:
    summary = replace(
        UNDISTURBED, observed_s=0.0, people=np.zeros((0, 2)), speck_ratio=0.1, speckled_ratio=0.9,
        class_cell_s=dict.fromkeys(UNDISTURBED.class_cell_s, 0.0),
    )  # fmt: skip
    advice = advise(summary, MotionParams(), [], recorded_fps=0.1)
    assert [(setting.key, setting.value) for setting in advice.settings] == [("max_gap", '"15s"')]
    assert parse_camera(as_toml(advice)).motion.max_gap_s == 15.0
    assert [remark for remark in advice.remarks if "frames per second" not in remark] == []
    assert advise(summary, MotionParams(), [], recorded_fps=0.001).settings == ()
