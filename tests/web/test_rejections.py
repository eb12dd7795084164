"""The page's summary of what was rejected in the last hour, by reason."""

from __future__ import annotations

import pytest

from edgeheat.defs.events import Progress
from edgeheat.web.rejections import RejectionHistory

from .events import NOON, progress


def rejected(wall_s: float, light_s: float, shadow_cell_s: float = 0.0, moving_cell_s: float = 0.0) -> Progress:
    return Progress(
        "entrance",
        wall_s,
        wall_s,
        frames_decoded=5,
        frames_analysed=5,
        frames_skipped=0,
        observed_s=1.0,
        cell_seconds={"all": moving_cell_s, "till": moving_cell_s},
        rejected_s={"light": light_s, "settling": 0.0},
        rejected_cell_s={"shadow": shadow_cell_s, "ghost": 0.0},
    )


def history(*reports: Progress) -> RejectionHistory:
    made = RejectionHistory()
    for report in reports:
        made.add(report)
    return made


def test_it_is_empty_where_nothing_was_rejected() -> None:
    summary = history().summary(NOON)
    assert (summary.frames_s, summary.cells_ratio) == ({}, {})


def test_it_sums_up_the_last_hour() -> None:
    made = history(
        *(rejected(NOON + 60 * minute, 1.0, shadow_cell_s=3.0, moving_cell_s=1.0) for minute in range(-90, 0))
    )
    summary = made.summary(NOON)
    assert summary.frames_s == {"light": pytest.approx(60, abs=1.1)}
    assert summary.cells_ratio == {"shadow": pytest.approx(0.75)}
    assert made.summary(NOON + 3600).frames_s == {}, "also if nothing was added since"


def test_staying_is_part_of_all_changes_beside_movement() -> None:
    made = history(progress("entrance", NOON))  # 34 moving, 46 staying, 15 shadow, 5 flicker
    assert made.summary(NOON).cells_ratio == {"shadow": pytest.approx(0.15), "flicker": pytest.approx(0.05)}


def test_a_clock_that_was_set_back_leaves_nothing_of_a_later_hour() -> None:
    made = history(rejected(NOON + 86400, 50.0), rejected(NOON, 2.0))
    assert made.summary(NOON).frames_s == {"light": 2.0}
