"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from edgeheat.web.board import Board

from .browser import Browser, chromium
from .events import NOON, progress, shop_picture, snapshot, status

pytestmark = pytest.mark.real("chromium")

_REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"
_SHOWN = """
new Promise(done => {
  const look = () => {
    const pictures = [...document.querySelectorAll('img')].filter(img => img.complete && img.naturalWidth);
    pictures.length === 3 ? done(true) : setTimeout(look, 20);
  };
  look();
})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def fill(board: Board) -> None:
    board.handle(status("entrance", "online"))
    board.handle(progress("entrance"))
    board.handle(snapshot("entrance", NOON, shop_picture(1)))


def test_new_pictures_appear_by_themselves_in_the_place_of_the_old(
    board: Board, client: httpx.Client, browser: Browser
) -> None:
    browser.open(str(client.base_url))
    assert browser.run("document.querySelectorAll('img').length") == 0
    fill(board)
    browser.run(_REFRESH)
    assert browser.run(_SHOWN)
    assert browser.run("document.querySelector('.state').textContent") == "Online since 12:00"
    browser.run("window.first = document.querySelector('img'); window.source = first.src; 0")
    board.handle(snapshot("entrance", NOON + 60, shop_picture(2)))
    browser.run(_REFRESH)
    # The same element with another picture: a replaced one would flicker and lose the focus.
    browser.run("new Promise(done => setInterval(() => first.src !== source && done(), 20))")
    assert browser.run("document.querySelector('img') === first && first.alt.endsWith('12:01')")


def test_the_page_breaks_no_rule_of_its_own_and_asks_only_its_own_server(
    board: Board, client: httpx.Client, browser: Browser
) -> None:
    fill(board)
    browser.events.clear()
    browser.open(str(client.base_url))
    browser.run(_REFRESH)
    assert browser.run(_SHOWN)
    # Refused styles and scripts, and errors of the script, would be told as such events.
    assert browser.said("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled") == []
    asked = [event["request"]["url"] for event in browser.said("Network.requestWillBeSent")]
    assert len(asked) >= 6
    assert all(url.startswith(str(client.base_url)) for url in asked)


@pytest.mark.parametrize("width", [320, 375, 768, 1280, 2560])
def test_nothing_sticks_out_sideways_at_any_width(
    width: int, board: Board, client: httpx.Client, browser: Browser
) -> None:
    fill(board)
    board.handle(status("till", "offline", "x" * 300, "unavailable"))
    browser.open(str(client.base_url), (width, 800))
    assert browser.run("innerWidth") == width
    assert browser.run("document.documentElement.scrollWidth") == width


def test_a_silent_device_is_told_on_the_page(board: Board, client: httpx.Client, browser: Browser) -> None:
    browser.open(str(client.base_url))
    assert browser.run("document.getElementById('lost').hidden")
    browser.run("window.fetch = () => Promise.reject(new TypeError('gone')); 0")
    browser.run(_REFRESH)
    assert not browser.run("document.getElementById('lost').hidden")
