"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from edgeheat.web.latest_state import LatestState

from .browser import Browser, chromium
from .events import NOON, health, heat_image, progress, shop_picture, snapshot, status, zone_heat

pytestmark = pytest.mark.real("chromium")

_REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"
_SHOWN = """
new Promise(done => {
  const look = () => {
    const pictures = [...document.querySelectorAll('img')].filter(img => img.complete && img.naturalWidth);
    pictures.length === 5 ? done(true) : setTimeout(look, 20);
  };
  look();
})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


_SEEN_FIGURES = """
[...document.querySelectorAll('td')].map(cell => {
  const place = cell.getBoundingClientRect(), name = getComputedStyle(cell, '::before');
  const inside = place.left >= 0 && place.right <= innerWidth && cell.scrollWidth <= cell.clientWidth;
  return [inside && place.height > 0, name.content !== 'none', parseFloat(getComputedStyle(cell).fontSize)];
})
"""


_LINES = """
place => {
  const words = document.createRange();
  words.selectNodeContents(place);
  return new Set([...words.getClientRects()].map(line => Math.round(line.bottom / 8))).size;
}
"""


def fill(latest: LatestState) -> None:
    latest.handle(status("entrance", "online"))
    latest.handle(health("entrance", "ok"))
    latest.handle(progress("entrance"))
    latest.handle(snapshot("entrance", NOON, shop_picture(1)))


def test_new_pictures_replace_the_old_ones_without_reloading(
    latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    browser.open(str(client.base_url))
    assert browser.run("document.querySelectorAll('img').length") == 0
    fill(latest)
    browser.run(_REFRESH)
    assert browser.run(_SHOWN)
    assert browser.run("document.querySelector('.state').textContent") == "Online since 12:00"
    browser.run("window.first = document.querySelector('img'); window.source = first.src; 0")
    latest.handle(snapshot("entrance", NOON + 60, shop_picture(2)))
    browser.run(_REFRESH)
    # The same element with another picture: a replaced one would flicker and lose the focus.
    browser.run("new Promise(done => setInterval(() => first.src !== source && done(), 20))")
    assert browser.run("document.querySelector('img') === first && first.alt.endsWith('12:01')")


def test_the_page_obeys_its_security_policy_and_requests_only_its_own_server(
    latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    fill(latest)
    browser.events.clear()
    browser.open(str(client.base_url))
    browser.run(_REFRESH)
    assert browser.run(_SHOWN)
    # Blocked styles and scripts, and errors of the script, would be reported as such events.
    assert browser.said("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled") == []
    asked = [event["request"]["url"] for event in browser.said("Network.requestWillBeSent")]
    assert len(asked) >= 6
    assert all(url.startswith(str(client.base_url)) for url in asked)


@pytest.mark.parametrize("width", [320, 375, 768, 1280, 2560])
def test_nothing_overflows_sideways_at_any_width(
    width: int, latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    fill(latest)
    latest.handle(health("entrance", "moved", "y" * 300))
    latest.handle(status("till", "offline", "x" * 300, "unavailable"))
    long = replace(heat_image("day"), zones=(zone_heat("all", None), zone_heat("z" * 60, 1)))
    latest.handle(replace(snapshot("till"), heats=(long,)))
    browser.open(str(client.base_url), (width, 800))
    assert browser.run("innerWidth") == width
    assert browser.run("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "names_beside"), [(390, True), (768, False)])
def test_every_figure_of_a_zone_is_visible_with_its_name_where_there_is_no_heading(
    width: int, names_beside: bool, latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    fill(latest)
    browser.open(str(client.base_url), (width, 844))
    assert browser.run("getComputedStyle(document.querySelector('thead')).display === 'none'") == names_beside
    seen = browser.run(_SEEN_FIGURES)
    assert len(seen) == 15, "three zones of five figures"
    for is_inside, has_name, font_px in seen:
        assert is_inside
        assert has_name == names_beside
        assert font_px >= 13


def test_a_long_zone_name_wraps_and_the_figures_beside_it_do_not(
    latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    long = zone_heat("the-shelf-with-a-very-long-name-", 1)
    heat = replace(heat_image("day"), zones=(zone_heat("all", None), long))
    for camera in ("entrance", "till"):
        latest.handle(replace(snapshot(camera), heats=(heat,)))
    browser.open(str(client.base_url), (1280, 800))
    cells = browser.run(f"[...document.querySelectorAll('thead th, td')].map({_LINES})")
    assert len(cells) == 2 * (6 + 10)
    assert max(cells) == 1
    names = browser.run(f"[...document.querySelectorAll('tbody th')].map({_LINES})")
    assert max(names) > 1


def test_five_heats_are_one_large_picture_and_rows_without_a_gap(
    latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    fill(latest)
    for width, columns in ((390, 2), (768, 4)):
        browser.open(str(client.base_url), (width, 844))
        lefts = "[...document.querySelectorAll('.other')].map(figure => figure.getBoundingClientRect().left)"
        assert browser.run(f"new Set({lefts}).size") == columns


def test_the_page_says_so_when_the_device_does_not_answer(
    latest: LatestState, client: httpx.Client, browser: Browser
) -> None:
    browser.open(str(client.base_url))
    assert browser.run("document.getElementById('lost').hidden")
    browser.run("window.fetch = () => Promise.reject(new TypeError('gone')); 0")
    browser.run(_REFRESH)
    assert not browser.run("document.getElementById('lost').hidden")
