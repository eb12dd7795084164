"""An answer leaves out what the present masks cover, ranks zones by weight, and says how exact its figures are."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.defs.params import PipelineParams, Style, ZoneParams
from edgeheat.errors import HistoryError
from edgeheat.history.comparison_answer import answer_comparison
from edgeheat.history.heat_answer import HeatAnswer, answer_heat
from edgeheat.history.profile_answer import answer_profile
from edgeheat.history.selection import Selection
from edgeheat.local_time.period import Period
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import CountingCamera, Ms, at

OSLO = ZoneInfo("Europe/Oslo")
START = at("2026-03-02 00:00", OSLO)
DAYS = [Selection(Period(START + 86_400 * day, START + 86_400 * (day + 1)), OSLO) for day in range(2)]


def half(name: str, left: float, weight: float = 1.0) -> ZoneParams:
    return ZoneParams(name, "zone", ((left, 0.0), (left + 0.45, 0.0), (left + 0.45, 1.0), (left, 1.0)), weight=weight)


LEFT, RIGHT = half("left", 0.0), half("right", 0.5)


def busier_right(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    ms = np.full(shape_hw, 1000, np.int64)
    ms[:, 8:] = 2000
    return ms


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> HistoryStore:
    found = HistoryStore(tmp_path_factory.mktemp("history") / "history.sqlite3")
    found.add(CountingCamera(traffic_ms=busier_right).tiles(DAYS[0].period.start_s, DAYS[1].period.end_s))
    return found


def params(*zones: ZoneParams, style: Style | None = None) -> PipelineParams:
    return PipelineParams("door", OSLO, zones=zones, style=style or Style())


def answer(store: HistoryStore, *zones: ZoneParams) -> HeatAnswer:
    return answer_heat(store, params(*zones), DAYS[0], "traffic")


def test_heat_under_a_mask_is_neither_shown_nor_counted(store: HistoryStore) -> None:
    mask = replace(RIGHT, name="", kind="ignore")
    under = ZoneMasks.from_params([mask], (16, 9)).counted == 0
    found = answer(store, mask)
    assert under.any() and not found.heat.grid.heat_s[under].any() and found.heat.grid.heat_s[~under].all()
    compared = answer_comparison(store, params(mask), *DAYS, "traffic").comparison
    assert not compared.a.grid.heat_s[under].any() and not compared.b.grid.heat_s[under].any()


def test_the_busiest_zone_is_that_of_the_highest_weighted_mean(store: HistoryStore) -> None:
    assert answer(store, LEFT, RIGHT).sentences()[0].endswith("busiest zone: right")
    assert answer(store, half("left", 0.0, weight=3.0), RIGHT).sentences()[0].endswith("busiest zone: left")


def test_zones_that_were_drawn_later_are_named(store: HistoryStore) -> None:
    found = answer(store, LEFT)
    assert found.notes() == ["summed from the cells, because drawn later than the period began: left"]
    assert found.rows()[1]["counted"] == "from cells" and found.rows()[1]["entries"] is None
    (only,) = answer_heat(store, params(LEFT), DAYS[0], "traffic", zone="left").sentences()
    assert only.endswith("left: 288 s per place")


def test_nothing_counted_is_said(store: HistoryStore) -> None:
    found = answer_heat(store, params(LEFT), DAYS[0], "dwell")
    assert found.sentences() == ["door, 2026-03-02: 24.0 h of 24.0 h observed; no motion counted"]
    profile = answer_profile(store, params(LEFT), DAYS[0], "dwell")
    assert profile.sentences()[0].endswith("; no motion counted")


def test_an_error_names_the_time_in_which_nothing_was_observed(store: HistoryStore) -> None:
    later = Selection(Period(START + 86_400 * 5, START + 86_400 * 6), OSLO)
    with pytest.raises(HistoryError, match="door: nothing was observed in 2026-03-07"):
        answer_comparison(store, params(), later, DAYS[0], "traffic")
    with pytest.raises(HistoryError, match="the periods overlap: 2026-03-02 and 2026-03-02"):
        answer_comparison(store, params(), DAYS[0], DAYS[0], "traffic")


def test_pictures_of_narrow_styles_are_drawn_as_well(store: HistoryStore) -> None:
    narrow = params(LEFT, style=Style(max_width=64))
    assert answer_heat(store, narrow, DAYS[0], "traffic").picture().shape == (36, 64, 3)
    assert answer_profile(store, narrow, DAYS[0], "traffic").picture().shape[1] == 320
