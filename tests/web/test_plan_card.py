"""A floor plan on the page: its own card before those of the cameras, not counted among them."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.events import PlanArea, Snapshot
from edgeheat.web.latest_state import LatestState
from edgeheat.web.page import render_page

from .events import NOON, snapshot, status


@pytest.fixture
def latest() -> LatestState:
    return LatestState(["entrance", "till"], "Store 12", ZoneInfo("Europe/Berlin"), ["floor"])


def plan_snapshot() -> Snapshot:
    return replace(snapshot("floor"), plan=PlanArea((11.0, 9.5), 0.0012, 0.834))


def card(latest: LatestState) -> str:
    """The plan's card, which is the page's first."""
    page = render_page(latest, NOON + 60)
    return page[page.index("<article") : page.index("</article>")]


def test_before_its_first_picture_a_plan_waits_for_its_cameras(latest: LatestState) -> None:
    assert "<h2>floor</h2>" in card(latest)
    assert "Waiting for its cameras" in card(latest) and "First picture after those of its cameras" in card(latest)
    assert "<dl>" not in card(latest), "no empty frame"


def test_a_plan_shows_its_pictures_its_size_and_how_much_of_it_is_seen(latest: LatestState) -> None:
    latest.handle(status("floor", "online"))
    latest.handle(plan_snapshot())
    shown = card(latest)
    assert 'alt="Heat map recent of floor plan floor at 12:00"' in shown
    assert "11 by 9.5 m" in shown and "83 %" in shown
    assert "Last frame" not in shown
    picture = latest.picture("floor", "hour")
    assert picture is not None and picture.heat.image == b"jpeg bytes"


def test_a_plan_that_cannot_be_drawn_says_why_and_keeps_its_last_pictures(latest: LatestState) -> None:
    latest.handle(plan_snapshot())
    latest.handle(
        status("floor", "offline", "the process that draws it died (signal SIGKILL); trying again", "crashed")
    )
    assert "Not drawn" in card(latest) and "signal SIGKILL" in card(latest) and "<img" in card(latest)


def test_a_plan_is_not_counted_among_the_cameras(latest: LatestState) -> None:
    latest.handle(status("entrance", "online"))
    latest.handle(status("till", "online"))
    latest.handle(status("floor", "offline", "gone", "crashed"))
    page = render_page(latest, NOON)
    assert "All 2 cameras online" in page
    assert [camera.current.name for camera in latest.cameras()] == ["entrance", "till"]
    assert [plan.current.name for plan in latest.plans()] == ["floor"]
