"""The page of a report: one file without script or network, with a print style, and names that cannot break it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgeheat.defs.params import DEFAULT_HEATS, PlanParams, PlanViewParams, ZoneParams
from edgeheat.history.report.content import read_report
from edgeheat.history.report.page import render_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.history.report.plans import ReportPlan
from edgeheat.history.report.tables import hours_csv, zones_csv
from tests.history.report.conftest import Shop
from tests.support.floor import FRONT, FRONT_MARKS, SIZE_M, pairs
from tests.web.browser import Browser, chromium

WEEK = ReportPeriod(date(2026, 4, 13), date(2026, 4, 20))
DAY = ReportPeriod(date(2026, 4, 18), date(2026, 4, 19))
NOW_S = 1_776_700_000
HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def page(shop: Shop) -> str:
    return render_report(read_report(shop.store, shop.site, WEEK), NOW_S)


class Elements(HTMLParser):
    """Collects the tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_needs_no_other_file_and_no_script(page: str) -> None:
    found = Elements(page)
    urls = [value for _, attrs in found.tags for name, value in attrs.items() if name in {"src", "href", "srcset"}]
    assert len(urls) == 6 and all((url or "").startswith("data:image/jpeg;base64,") for url in urls)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in found.tags}
    assert not re.search(r"https?:|url\(|@import", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))


def test_it_begins_with_sentences(page: str) -> None:
    text = Elements(page).text
    assert text.index("Most people stood at till.") < text.index("Where people walk")


def test_it_has_a_print_style_for_a4_in_which_no_card_is_split(page: str) -> None:
    style = page[page.index("<style>") : page.index("</style>")]
    assert "size: A4" in style
    assert re.search(r"@media print \{.*\.card[^{]*\{ break-inside: avoid; \}", style, re.DOTALL)
    assert "prefers-color-scheme: dark" not in style


@pytest.mark.parametrize("jargon", ["half-life", "motion-second", "epoch", "tile", "t test", "coverage", "cells"])
def test_no_word_needs_an_explanation(page: str, jargon: str) -> None:
    assert jargon not in Elements(page[page.index("<body>") :]).text


def test_pictures_are_described_for_people_who_do_not_see_them(page: str) -> None:
    alts = [attrs["alt"] for tag, attrs in Elements(page).tags if tag == "img"]
    assert len(alts) == 4 and all(alts)


def test_the_table_has_all_zones_and_a_day_has_no_column_for_weeks(shop: Shop, page: str) -> None:
    for name in ("till", "fridge", "fruit", "new-fruit", "entrance", "whole picture"):
        assert f'<th scope="row">{name}</th>' in page
    assert "Last four weeks against the four before" in page
    day = render_report(read_report(shop.store, shop.site, DAY), NOW_S)
    assert "Last four weeks" not in day and "The usual week" in day


def test_without_zones_there_is_no_table(shop: Shop) -> None:
    bare = replace(shop.site, cameras=tuple(replace(each, zones=()) for each in shop.site.cameras))
    assert "<table>" not in render_report(read_report(shop.store, bare, WEEK), NOW_S)


def test_names_are_escaped(shop: Shop) -> None:
    zone = ZoneParams(HOSTILE, "zone", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    cameras = tuple(replace(each, zones=(zone,)) for each in shop.site.cameras)
    report = read_report(shop.store, replace(shop.site, name=HOSTILE, cameras=cameras), WEEK)
    page = render_report(report, NOW_S)
    assert HOSTILE not in page and page.count("&lt;script&gt;") >= 3


def test_a_zone_drawn_later_has_no_visits_and_the_page_says_why(shop: Shop) -> None:
    later = ZoneParams("later", "zone", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
    cameras = tuple(replace(each, zones=(later,)) for each in shop.site.cameras)
    report = read_report(shop.store, replace(shop.site, cameras=cameras), WEEK)
    assert "the zone was drawn within this time" in render_report(report, NOW_S)
    assert next(row for row in rows(zones_csv(report)) if row["zone"] == "later")["visits"] == ""


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_tables_have_each_zone_and_each_observed_hour(shop: Shop) -> None:
    report = read_report(shop.store, shop.site, WEEK)
    zones = {row["zone"]: row for row in rows(zones_csv(report))}
    assert next(iter(zones)) == "all" and len(zones) == 6
    assert zones["new-fruit"]["verdict"] == "exceeds normal variation"
    assert float(zones["new-fruit"]["four_weeks_relative_low_percent"]) > 0
    assert float(zones["till"]["observed_hours"]) == 77.0
    hours = rows(hours_csv(report))
    assert len(hours) == 7 * 11
    busiest = max(hours, key=lambda row: float(row["presence_cell_seconds_per_hour"]))
    assert (busiest["weekday"], busiest["percent_of_busiest"]) == ("Saturday", "100.0")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.mark.real("chromium")
@pytest.mark.parametrize(("width", "media"), [(1280, ""), (390, ""), (703, "print")])
def test_a_browser_shows_it_without_complaint_and_nothing_is_wider_than_the_screen(
    browser: Browser, page: str, tmp_path: Path, width: int, media: str
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page)
    browser.call("Emulation.setEmulatedMedia", media=media)
    browser.open(file.as_uri(), (width, 900))
    browser.run("Promise.all([...document.images].map(image => image.decode()))")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.said("Log.entryAdded", "Runtime.exceptionThrown") == []
    highest = browser.run("Math.max(...[...document.querySelectorAll('.card')].map(card => card.offsetHeight))")
    assert media != "print" or highest < 1000, "each card fits on a page of A4"


def with_plan(shop: Shop, camera: str, image: Path | None = None) -> str:
    view = PlanViewParams(camera, pairs(FRONT, FRONT_MARKS))
    plan = PlanParams("floor", SIZE_M, (view,), DEFAULT_HEATS, shop.site.timezone)
    site = replace(shop.site, plans=(ReportPlan(plan, str(image or "")),))
    return render_report(read_report(shop.store, site, WEEK), NOW_S)


def test_a_floor_plan_comes_before_the_cameras(shop: Shop, tmp_path: Path) -> None:
    page = with_plan(shop, "shop", image=tmp_path / "missing.png")
    assert page.index("<h2>floor</h2>") < page.index("<h2>shop</h2>")
    assert "Heat map of floor plan floor, 13 to 19 April 2026: standing" in page


def test_a_plan_of_which_nothing_was_observed_says_so(shop: Shop) -> None:
    assert "none of its cameras observed anything" in with_plan(shop, "elsewhere")
