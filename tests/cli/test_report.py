"""`edgeheat report`: writes page and tables of a period, and explains why it cannot."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.history.rollup import roll_up
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore
from tests.cli.commands import CAMERA, config_file, edgeheat
from tests.support.tiles import CountingCamera, Ms, at

OSLO = ZoneInfo("Europe/Oslo")
CONFIG = f'[site]\nname = "corner"\ntimezone = "Europe/Oslo"\n[storage]\npath = "storage"\n{CAMERA}'


def some(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    return np.full(shape_hw, 1000, np.int64)


@pytest.fixture
def config() -> Path:
    """A camera that counted all of Monday, 2 March 2026, from 9 to 20."""
    Path("storage/state").mkdir(parents=True)
    start_s, end_s = at("2026-03-02 09:00", OSLO), at("2026-03-02 20:00", OSLO)
    with HistoryStore(Path("storage/state") / HISTORY_FILE) as store:
        store.add(CountingCamera("till", traffic_ms=some, dwell_ms=some).tiles(start_s, end_s))
        roll_up(store, OSLO, end_s + 2 * 86_400)
    return config_file(CONFIG)


def test_it_writes_page_and_tables_and_prints_the_page(config: Path) -> None:
    result = edgeheat("report", "2026-03-02", "-c", config, "--hours", "9-20")
    assert (result.exit_code, result.stdout) == (0, "storage/reports/2026-03-02.html\n")
    assert "Observed 100 % of 11 h." in Path("storage/reports/2026-03-02.html").read_text()
    assert Path("storage/reports/2026-03-02-zones.csv").read_text().startswith("camera,layer,zone,visits,")
    assert len(Path("storage/reports/2026-03-02-hours.csv").read_text().splitlines()) == 1 + 11


def test_with_opening_hours_it_is_about_open_time(config: Path) -> None:
    config.write_text(f'{config.read_text()}\n[hours]\nmon-sat = "9-20"\nsunday = "closed"\n')
    assert edgeheat("report", "2026-03-02", "-c", config).exit_code == 0
    page = Path("storage/reports/2026-03-02.html").read_text()
    assert "Observed 100 % of 11 h of open time." in page and "Part of" not in page
    result = edgeheat("report", "2026-03-01", "-c", config)
    assert result.exit_code == 1
    assert "the shop was closed in all of Sunday, 1 March 2026, so there is nothing to report\n" in result.stderr


def test_the_folder_can_be_chosen_and_is_made(config: Path) -> None:
    result = edgeheat("report", "2026-03-02..2026-03-08", "-c", config, "-o", "new/folder")
    assert (result.exit_code, result.stdout) == (0, "new/folder/2026-W10.html\n")


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["2026-03-09"], 1, "of Monday, 9 March 2026 nothing was observed; stored is 2026-03-02 to 2026-03-02\n"),
        (["today"], 1, "no day of this period is over: type yesterday, last-week or last-month"),
        (["2026-13"], 2, "has the month 13"),
        (["2090-01"], 2, "is in the future"),
        (["2026-03-02", "--hours", "9-9"], 2, "is empty"),
        (["2026-03-02", "-o", "shop.toml"], 1, "report shop.toml/2026-03-02.html cannot be written: "),
        (["2026-03-02", "--storage", "nowhere"], 1, "there is no history in nowhere/state/history.sqlite3 yet"),
        (["2026-03-02", "--config", "missing.toml"], 78, "missing.toml"),
    ],
)
def test_what_cannot_be_reported_is_explained(config: Path, words: list[str], exit_code: int, said: str) -> None:
    result = edgeheat("report", "-c", config, *words)
    assert result.exit_code == exit_code
    assert said in " ".join(result.stderr.replace("│", "").split()) + "\n"
    assert not Path("storage/reports").exists()
