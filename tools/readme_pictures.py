"""Generates the pictures of README.md: ten minutes of the synthetic shop, and the demo's status page in Chromium.

Run in the repository's folder: .venv/bin/python -m tools.readme_pictures
"""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from tests.support.mosquitto import free_port
from tests.web.browser import chromium

IMAGES = Path(__file__).parent.parent / "docs" / "images"
EDGEHEAT = [sys.executable, "-m", "edgeheat"]
SHOP = ["synthetic:shop?size=960x540", "--fps", "5", "--frames", "3000", "--no-title", "--background-dim", "0.6"]
DEMO_S = 600
PAGE_WIDTH, PICTURE_WIDTH = 1280, 1100


def shop() -> None:
    """Render ten minutes of the shop."""
    output = ["--overwrite", "-o", str(IMAGES / "shop.jpg")]
    subprocess.run([*EDGEHEAT, "render", *SHOP, *output], check=True)


def page(folder: Path) -> U8:
    """Return the demo's status page after ten minutes, BGR; files of demo and browser are written to `folder`."""
    port = free_port()
    words = ["demo", "--port", str(port), "--storage", str(folder / "demo")]
    demo = subprocess.Popen([*EDGEHEAT, *words])
    try:
        observed = b'edgeheat_observed_seconds_total{camera="checkout"} '
        while _metric(port, observed) < DEMO_S:
            time.sleep(5)
        with chromium(folder / "chromium") as browser:
            browser.open(f"http://127.0.0.1:{port}/", (PAGE_WIDTH, 800))
            browser.run("Promise.all([...document.images].map(image => image.decode()))")
            height = browser.run("document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": PAGE_WIDTH, "height": height, "scale": PICTURE_WIDTH / PAGE_WIDTH}
            shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(timeout=20)
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(shot["data"]), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(picture, np.uint8)


def _metric(port: int, name: bytes) -> float:
    """Return the value of one series of /metrics; 0 while the server does not answer or the series does not exist."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return next((float(line.split()[-1]) for line in answer if line.startswith(name)), 0.0)
    except OSError:
        return 0.0


def main() -> None:
    """Write shop.jpg and page.jpg."""
    shop()
    with tempfile.TemporaryDirectory() as folder:
        cv2.imwrite(str(IMAGES / "page.jpg"), page(Path(folder)), [cv2.IMWRITE_JPEG_QUALITY, 75])


if __name__ == "__main__":
    main()
