"""Generates the pictures of docs/history.md by asking about the history of the simulated shop.

Run in the repository's folder: .venv/bin/python -m tools.history_pictures
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.site import CAMERA, TIMEZONE, Site, make_site
from edgeheat.store.history.store import HISTORY_FILE

IMAGES = Path(__file__).parent.parent / "docs" / "images"

QUESTIONS = {
    "history-heat.jpg": ["--from", "2026-04-20..2026-04-26", "--hours", "9-20"],
    "history-change.jpg": [
        "--from",
        "2026-03-30..2026-04-26",
        "--against",
        "2026-02-23..2026-03-22",
        "--hours",
        "9-20",
    ],
    "history-hours.jpg": ["--from", "2026-02-23..2026-04-26", "--profile", "--zone", "till"],
}
"""What is asked for each picture."""


def configuration(site: Site, storage: Path) -> str:
    """Return a configuration with the camera and the zones of the shop."""
    text = f'[site]\nname = "shop"\ntimezone = "{TIMEZONE.key}"\n[storage]\npath = "{storage}"\n'
    text += f'[[camera]]\nname = "{CAMERA}"\nsource = "synthetic:shop"\n'
    for zone in site.zones:
        corners = [list(corner) for corner in zone.polygon]
        text += f'[[camera.zone]]\nname = "{zone.name}"\npolygon = {corners}\n'
    return text


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "state").mkdir()
        site = make_site(folder / "state" / HISTORY_FILE, grid_wh=(320, 180))
        config = folder / "config.toml"
        config.write_text(configuration(site, folder))
        for picture, question in QUESTIONS.items():
            (IMAGES / picture).unlink(missing_ok=True)
            command = [sys.executable, "-m", "edgeheat", "heat", CAMERA, *question]
            subprocess.run([*command, "-o", str(IMAGES / picture), "--config", str(config)], check=True)


if __name__ == "__main__":
    main()
