"""`edgeheat history import` and `edgeheat render --into-history`: what they print, and options that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeheat.store.history.store import HISTORY_FILE, HistoryStore
from tests.cli.commands import CAMERA, edgeheat
from tests.support.media import make_clip
from tests.support.tiles import CountingCamera, random_ms

SITE = f'[site]\ntimezone = "Europe/Oslo"\n[storage]\npath = "storage"\n{CAMERA}'
AT = "2026-03-02 10:02:37"
FIRST_S = 1_772_438_400
"""2 March 2026, 9 o'clock in Oslo."""


@pytest.fixture(autouse=True)
def _configured() -> None:
    Path("edgeheat.toml").write_text(SITE)


def test_a_recording_enters_the_history_of_a_camera_and_is_found_there() -> None:
    clip = make_clip(Path("walk.mp4"), frames=200)
    result = edgeheat("render", clip, "--into-history", "till", "--recorded-at", AT)
    assert result.stdout == "till, 2026-03-02 10:00 to 10:05, scene -1: 1 tile imported\n", result.output
    assert edgeheat("render", clip, "--into-history", "till", "--recorded-at", AT).stderr == (
        "till: 1 tile had been stored before\n"
    )
    assert sorted(path.name for path in Path().iterdir()) == ["edgeheat.toml", "storage", "walk.mp4"]
    result = edgeheat("heat", "till", "--from", "2026-03-02", "--hours", "10-11", "--epoch", "-1")
    assert result.exit_code == 0 and result.stdout.endswith("till_2026-03-02_1000-1100.png\n"), result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--into-history", "till"], "--into-history needs --recorded-at"),
        (["--into-history", "till", "--recorded-at", AT, "-o", "a.png"], "--output cannot be combined"),
        (["--into-history", "till", "--recorded-at", AT, "--grid", "a.npz"], "--grid cannot be combined"),
        (["--into-history", "Till 1", "--recorded-at", AT], "cannot be the name of a camera"),
        (["--into-history", "till", "--recorded-at", AT, "--same-view", "--feet"], "heats would be mixed"),
        (["--recorded-at", AT], "need --into-history"),
        (["--same-view"], "need --into-history"),
    ],
)
def test_options_that_do_not_fit_are_rejected(options: list[str], message: str) -> None:
    result = edgeheat("render", "walk.mp4", *options)
    assert result.exit_code == 2 and message in " ".join(result.stderr.replace("│", " ").split()), result.output
    assert not Path("storage").exists()


def test_a_wrong_time_is_one_line() -> None:
    result = edgeheat("render", make_clip(Path("walk.mp4")), "--into-history", "till", "--recorded-at", "3pm")
    assert result.exit_code == 1
    assert result.stderr == '"3pm" is not a time; type it as 2026-11-30 10:02 or 2026-11-30 10:02:37\n'


def test_the_history_of_another_device_is_imported_once() -> None:
    with HistoryStore(Path("other.sqlite3")) as store:
        for name in ("till", "door"):
            store.add(CountingCamera(name, traffic_ms=random_ms(3)).tiles(FIRST_S, FIRST_S + 3600))
    result = edgeheat("history", "import", "other.sqlite3", "--camera", "till=north", "--camera", "door")
    assert result.stdout == (
        "north, 2026-03-02 09:00 to 10:00, scene -1: 12 tiles imported\n"
        "door, 2026-03-02 09:00 to 10:00, scene -1: 12 tiles imported\n"
    ), result.output
    result = edgeheat("history", "import", "other.sqlite3", "--camera", "till=door")
    assert (result.exit_code, result.stdout) == (0, "door, 2026-03-02 09:00 to 10:00, scene -1: 0 tiles imported\n")
    assert edgeheat("history", "check").stdout == f"no errors in storage/state/{HISTORY_FILE}\n"
    with HistoryStore(Path("other.sqlite3")) as store:
        store.add(CountingCamera("late", traffic_ms=random_ms(4)).tiles(FIRST_S + 1800, FIRST_S + 7200))
    result = edgeheat("history", "import", "other.sqlite3", "--camera", "late=door")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "door: nothing was imported, because something else is stored of 2026-03-02 09:30 to 2026-03-02 10:00: import "
        "it under another name\n"
    )
