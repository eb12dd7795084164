"""A floor plan on the page: a card of its own before the cameras', which no count of cameras knows."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.events import PlanArea
from edgeheat.web.latest_state import Board
from edgeheat.web.page import render_page

from .events import NOON, snapshot, status


@pytest.fixture
def board() -> Board:
    return Board(["entrance", "till"], "Store 12", ZoneInfo("Europe/Berlin"), ["floor"])


def plan_snapshot(image: bytes = b"jpeg bytes") -> object:
    return replace(snapshot("floor", image=image), plan=PlanArea((11.0, 9.5), 0.0012, 0.834))


def card(board: Board) -> str:
    """The plan's card, which is the page's first."""
    page = render_page(board, NOON + 60)
    return page[page.index("<article") : page.index("</article>")]


def test_before_its_first_picture_a_plan_waits_for_its_cameras(board: Board) -> None:
    assert "<h2>floor</h2>" in card(board)
    assert "Waiting for its cameras" in card(board) and "First picture when its cameras have theirs" in card(board)
    assert "<dl>" not in card(board), "no frame around nothing"


def test_a_plan_shows_its_pictures_its_size_and_how_much_of_it_is_seen(board: Board) -> None:
    board.handle(status("floor", "online"))
    board.handle(plan_snapshot())  # type: ignore[arg-type]
    shown = card(board)
    assert 'alt="Heat map recent of floor plan floor at 12:00"' in shown
    assert "11 by 9.5 m" in shown and "83 %" in shown
    assert "Last frame" not in shown
    picture = board.picture("floor", "hour")
    assert picture is not None and picture.heat.image == b"jpeg bytes"


def test_a_plan_that_cannot_be_drawn_says_why_and_keeps_its_last_pictures(board: Board) -> None:
    board.handle(plan_snapshot())  # type: ignore[arg-type]
    board.handle(status("floor", "offline", "the process that draws it died (signal SIGKILL); trying again", "crashed"))
    assert "Not drawn" in card(board) and "signal SIGKILL" in card(board) and "<img" in card(board)


def test_a_plan_is_not_counted_among_the_cameras(board: Board) -> None:
    board.handle(status("entrance", "online"))
    board.handle(status("till", "online"))
    board.handle(status("floor", "offline", "gone", "crashed"))
    page = render_page(board, NOON)
    assert "All 2 cameras online" in page
    assert [camera.name for camera in board.cameras()] == ["entrance", "till"]
    assert [plan.name for plan in board.plans()] == ["floor"]
