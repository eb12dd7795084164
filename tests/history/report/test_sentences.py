"""A report begins with what a manager wants to know, and claims nothing that the figures do not show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from edgeheat.core.heat.comparison import Comparison, Verdict
from edgeheat.defs.params import PipelineParams, ZoneParams
from edgeheat.errors import HistoryError
from edgeheat.history.report import sentences
from edgeheat.history.report.content import Report, ReportSite, read_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.history.rollup import roll_up
from edgeheat.store.history.store import HistoryStore
from tests.history.report.conftest import OSLO, Shop, count, everywhere
from tests.support.tiles import CountingCamera, Ms, at


def week_from(monday: date) -> ReportPeriod:
    return ReportPeriod(monday, monday + timedelta(days=7))


def texts(report: Report) -> list[str]:
    return [sentence.text for sentence in sentences.lead(report)]


EIGHTH = week_from(date(2026, 4, 13))
THIRD = week_from(date(2026, 3, 9))


def test_the_moved_table_is_named_and_untouched_zones_are_not(shop: Shop) -> None:
    claims = [text for text in texts(read_report(shop.store, shop.site, EIGHTH)) if "normal variation" in text]
    assert len(claims) == 1 and claims[0].endswith(
        "than in the four weeks before, each of which exceeds normal variation."
    )
    assert "fruit had" in claims[0] and "less" in claims[0] and "new-fruit" in claims[0] and "more" in claims[0]
    assert "till" not in claims[0] and "entrance" not in claims[0]


def test_the_first_two_say_where_people_stood_and_when_it_was_busy(shop: Shop) -> None:
    first, second, *_ = texts(read_report(shop.store, shop.site, EIGHTH))
    assert first == "Most people stood at till."
    assert second.startswith("Saturday was the busiest day, and ") and second.endswith(" the busiest hour.")


def test_with_few_weeks_the_plain_change_is_stated_and_nothing_is_claimed(shop: Shop) -> None:
    found = sentences.lead(read_report(shop.store, shop.site, THIRD))
    assert not [each for each in found if "normal variation" in each.text]
    plain = next(each for each in found if each.text.startswith("In all, it was "))
    assert plain.text.endswith(" than in the week before.") or plain.text.endswith(" as in the week before.")
    assert "till had" in plain.detail or "till" in plain.detail
    assert plain.detail.endswith("Whether a change exceeds normal variation is known after 8 whole weeks.")


def test_a_day_is_compared_with_the_same_weekday_and_claims_nothing(shop: Shop) -> None:
    report = read_report(shop.store, shop.site, ReportPeriod(date(2026, 4, 18), date(2026, 4, 19)))
    found = texts(report)
    assert any(text.endswith(":00 was the busiest hour.") for text in found)
    assert any(text.endswith("on the Saturday before.") for text in found)
    changes = {zone.name: zone.change for zone in report.cameras[0].zones}
    assert all(change is not None for change in changes.values())
    detail = next(each.detail for each in sentences.lead(report) if each.text.endswith("on the Saturday before."))
    assert "till had" in detail and detail.endswith("Such changes from day to day are usual.")
    assert not any("normal variation" in text for text in found)


def test_the_first_week_has_no_comparison(shop: Shop) -> None:
    found = texts(read_report(shop.store, shop.site, week_from(date(2026, 2, 23))))
    assert "Nothing was counted in the week before, so there is no comparison." in found


def test_an_outage_is_reported_first_of_all_in_hours(shop: Shop) -> None:
    report = read_report(shop.store, shop.site, week_from(date(2026, 3, 30)))
    assert texts(report)[-1] == "Part of this time was not observed: shop saw 71 %. Visits and hours are too low."
    assert sentences.camera_health(report, report.cameras[0]) == (
        "Observed 71 % of 77 h; 22 h missing, because the device was off or the camera offline."
    )


def test_months_speak_of_weekdays_in_the_plural(shop: Shop) -> None:
    found = texts(read_report(shop.store, shop.site, ReportPeriod(date(2026, 3, 1), date(2026, 4, 1))))
    assert any(text.startswith("Saturdays were the busiest days, and ") for text in found)


def test_a_period_without_anything_lists_what_is_stored(shop: Shop) -> None:
    with pytest.raises(
        HistoryError, match="of 1 to 7 June 2026 nothing was observed; stored is 2026-02-23 to 2026-04-26"
    ):
        read_report(shop.store, shop.site, week_from(date(2026, 6, 1)))


def test_without_zones_the_place_is_described(shop: Shop) -> None:
    bare = replace(shop.site, cameras=tuple(replace(each, zones=()) for each in shop.site.cameras))
    first, *rest = texts(read_report(shop.store, bare, EIGHTH))
    assert first == "Most people stood on the left of the picture."
    assert not any("normal variation" in text for text in rest)


# Small histories, for what the shop does not have.


def lower_right(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    cells = np.zeros(shape_hw, np.int64)
    cells[-3:, -5:] = 60_000
    return cells


def site(*cameras: PipelineParams) -> ReportSite:
    return ReportSite("shop", OSLO, cameras)


DAY = ReportPeriod(date(2026, 11, 30), date(2026, 12, 1))


def test_nobody_seen(store: HistoryStore) -> None:
    count(store, CountingCamera())
    assert texts(read_report(store, site(PipelineParams("door", OSLO)), DAY)) == ["Nobody was seen."]


def test_nobody_stood(store: HistoryStore) -> None:
    count(store, CountingCamera(traffic_ms=everywhere))
    found = texts(read_report(store, site(PipelineParams("door", OSLO)), DAY))
    assert found[0] == "Nobody stood anywhere; people only walked past."


def test_the_brightest_place_outside_all_zones_is_mentioned(store: HistoryStore) -> None:
    count(store, CountingCamera(traffic_ms=everywhere, dwell_ms=lambda s, hw: lower_right(s, hw) + 10))
    zone = ZoneParams("till", "zone", ((0.0, 0.0), (0.3, 0.0), (0.3, 0.4), (0.0, 0.4)))
    first, *_ = sentences.lead(read_report(store, site(PipelineParams("door", OSLO, zones=(zone,))), DAY))
    assert first.text == "Most people stood in the lower right of the picture."
    assert first.detail == "That is outside all zones; of these, most stood at till."


def test_several_cameras_are_named_and_one_that_saw_nothing_is_reported(store: HistoryStore) -> None:
    count(store, CountingCamera("door", dwell_ms=lower_right), CountingCamera("aisle", traffic_ms=everywhere))
    cameras = [PipelineParams(name, OSLO) for name in ("door", "aisle", "cellar")]
    found = texts(read_report(store, site(*cameras), DAY))
    assert found[:2] == [
        "door: most people stood in the lower right of the picture.",
        "aisle: nobody stood anywhere; people only walked past.",
    ]
    assert "cellar observed nothing in this time." in found


def test_zones_of_several_cameras_are_told_apart(shop: Shop) -> None:
    two = replace(shop.site, cameras=(*shop.site.cameras, PipelineParams("cellar", OSLO)))
    claim = next(text for text in texts(read_report(shop.store, two, EIGHTH)) if "normal variation" in text)
    assert claim.startswith("fruit (shop) had ")


def test_what_is_under_a_mask_now_is_not_spoken_of(store: HistoryStore) -> None:
    count(store, CountingCamera(traffic_ms=everywhere, dwell_ms=lower_right))
    mask = ZoneParams("desk", "privacy", ((0.5, 0.4), (1.0, 0.4), (1.0, 1.0), (0.5, 1.0)))
    report = read_report(store, site(PipelineParams("door", OSLO, zones=(mask,))), DAY)
    assert texts(report)[0] == "Nobody stood anywhere; people only walked past."
    assert report.cameras[0].dwell.grid.heat_s.max() == 0


def test_a_camera_that_was_moved_is_not_compared(store: HistoryStore) -> None:
    count(store, CountingCamera(traffic_ms=everywhere), first="2026-11-23", last="2026-11-24")
    count(store, CountingCamera(traffic_ms=everywhere, epoch=2))
    found = texts(read_report(store, site(PipelineParams("door", OSLO)), DAY))
    assert found[-1].startswith("On the Monday before the camera showed another scene, because it was moved")


def test_time_of_another_scene_is_explained(store: HistoryStore) -> None:
    start_s, noon_s, end_s = (at(text, OSLO) for text in ("2026-11-30 00:00", "2026-11-30 12:00", "2026-12-01 00:00"))
    store.add(CountingCamera(traffic_ms=everywhere).tiles(start_s, noon_s - 3600))
    store.add(CountingCamera(traffic_ms=everywhere, epoch=2).tiles(noon_s, end_s))
    roll_up(store, OSLO, end_s + 3600)
    report = read_report(store, site(PipelineParams("door", OSLO)), DAY)
    assert sentences.camera_health(report, report.cameras[0]) == (
        "Observed 50 % of 24 h; 12 h missing, because the camera showed another scene, which is not included, or was "
        "offline."
    )


def test_time_in_which_the_picture_was_not_usable_is_stated(store: HistoryStore) -> None:
    tiles = CountingCamera(traffic_ms=everywhere, observed_ms=240_000).tiles(
        at("2026-11-30 00:00", OSLO), at("2026-12-01 00:00", OSLO)
    )
    store.add(replace(tile, rejected_ms={"light": 60_000}) for tile in tiles)
    report = read_report(store, site(PipelineParams("door", OSLO)), DAY)
    assert sentences.camera_health(report, report.cameras[0]) == (
        "Observed 80 % of 24 h; 4.8 h not counted, because the light changed or the picture was not usable."
    )


@pytest.mark.parametrize(
    ("verdict", "own_change", "words"),
    [
        ("exceeds normal variation", 0.18, "+18 %, exceeds normal variation"),
        ("within normal variation", -0.05, "-5 %, normal variation"),
        ("only the rest changed", 0.001, "0 %, only other places changed"),
        ("too few weeks", 0.5, "too few weeks yet"),
        ("week without motion", None, "a week without anybody"),
        ("whole picture", -0.2, "-20 %"),
    ],
)
def test_each_verdict_has_plain_words(verdict: Verdict, own_change: float | None, words: str) -> None:
    assert sentences.verdict_words(Comparison(verdict, own_change, None, None, (4, 4), (0, 0))) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (2100, "35 min"), (3590, "1 h"), (3600, "1 h"), (16_200, "4.5 h"), (147_600, "41 h")],
)
def test_hours(seconds: float, words: str) -> None:
    assert sentences.hours_words(seconds) == words
