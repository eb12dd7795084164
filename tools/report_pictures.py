"""Generates the pictures of docs/reports.md: a week of the simulated shop on a screen, on a phone and on paper.

Run in the repository's folder: .venv/bin/python -m tools.report_pictures
"""

from __future__ import annotations

import base64
import tempfile
from datetime import date, timedelta
from pathlib import Path

import cv2
import numpy as np

from benchmarks.site import CAMERA, FIRST_DAY, MOVED_AFTER_WEEKS, TIMEZONE, make_site
from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import PipelineParams
from edgeheat.history.report.content import ReportSite
from edgeheat.history.report.files import write_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.local_time.instants import day_start_s
from edgeheat.local_time.period_text import parse_hours
from edgeheat.store.history.store import HistoryStore
from tests.web.browser import Browser, chromium

IMAGES = Path(__file__).parent.parent / "docs" / "images"
FOLLOWING: date = FIRST_DAY + timedelta(weeks=2 * MOVED_AFTER_WEEKS)
"""The day after the week of the report: four weeks after the table was moved."""

SCREEN_WIDTH, PICTURE_WIDTH, PHONE_WIDTH, PAPER_WIDTH = 1280, 1100, 390, 703
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 75]


def report(folder: Path) -> Path:
    """Write the report into `folder` and return its page."""
    made = make_site(folder / "history.sqlite3")
    cameras = (PipelineParams(CAMERA, TIMEZONE, zones=made.zones),)
    site = ReportSite("shop", TIMEZONE, cameras, parse_hours("9-20"))
    with HistoryStore(made.path, read_only=True) as store:
        now_s = day_start_s(FOLLOWING, TIMEZONE) + 3600
        return write_report(store, site, ReportPeriod.last("week", FOLLOWING), folder, now_s)


def shot(browser: Browser, page: Path, width: int, media: str = "", scale: float = 1.0) -> U8:
    """Return the whole page as a browser shows it in a window, or prints it, BGR."""
    browser.call("Emulation.setEmulatedMedia", media=media)
    browser.open(page.as_uri(), (width, 900))
    browser.run("Promise.all([...document.images].map(image => image.decode()))")
    height = browser.run("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
    data = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
    return np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR), np.uint8)


def main() -> None:
    """Write report.jpg and report-views.jpg."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = report(folder)
        with chromium(folder / "chromium") as browser:
            screen = shot(browser, page, SCREEN_WIDTH, scale=PICTURE_WIDTH / SCREEN_WIDTH)
            phone, paper = shot(browser, page, PHONE_WIDTH), shot(browser, page, PAPER_WIDTH, "print")
    cv2.imwrite(str(IMAGES / "report.jpg"), screen, QUALITY)
    gap = np.full((paper.shape[0], 24, 3), 128, np.uint8)
    cv2.imwrite(str(IMAGES / "report-views.jpg"), np.hstack([phone[: paper.shape[0]], gap, paper]), QUALITY)


if __name__ == "__main__":
    main()
