"""`edgeheat heat`: questions to the stored history, the files they write, and what is said about them."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import Result

from edgeheat.store.history.store import HISTORY_FILE
from tests.cli.commands import edgeheat
from tests.support.history_site import CONFIG, store_history

RANGE = "the history of door reaches from 2024-03-04 09:00 to 2024-05-12 13:00"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("storage")
    store_history(folder)
    return folder


@pytest.fixture(autouse=True)
def config(storage: Path, tmp_path: Path) -> Path:
    """The configuration of the shop, in the current folder."""
    file = tmp_path / "edgeheat.toml"
    file.write_text(CONFIG.replace('path = "storage"', f'path = "{storage}"'))
    return file


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in tmp_path.iterdir()} - {"edgeheat.toml"}


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def picture(path: str) -> np.ndarray:
    found = cv2.imread(path)
    assert found is not None
    return np.asarray(found)


def succeeded(result: Result) -> Result:
    assert result.exit_code == 0, result.stderr
    return result


def test_a_day_becomes_a_picture_in_this_folder_and_a_sentence(tmp_path: Path) -> None:
    result = succeeded(edgeheat("heat", "door", "--from", "2024-03-16"))
    assert result.stdout == "door, 2024-03-16: 4.0 h of 24.0 h observed; busiest zone: left\ndoor_2024-03-16.png\n"
    assert result.stderr.startswith(
        "door, 2024-03-16: 20.0 h were not observed: edgeheat was off, the camera offline, "
    )
    assert picture("door_2024-03-16.png").shape == (720, 1280, 3)
    succeeded(edgeheat("heat", "door", "--from", "2024-03-16"))
    assert files(tmp_path) == {"door_2024-03-16.png", "door_2024-03-16_1.png"}, "an existing file is kept"


def test_hours_and_weekdays_select_and_files_follow_their_endings(tmp_path: Path) -> None:
    asked = ["--from", "2024-03-04", "--to", "2024-03-17", "--hours", "10-12", "--weekdays", "sat"]
    asked += ["--measure", "traffic"]
    outputs = [f"heat.{ending}" for ending in ("jpg", "csv", "json", "npz")]
    result = succeeded(edgeheat("heat", "door", *asked, *(word for name in outputs for word in ("-o", name))))
    assert result.stderr == "", "everything that was asked for is stored"
    assert result.stdout.splitlines()[1:] == outputs
    whole, left = rows("heat.csv")
    assert (whole["zone"], left["zone"], left["counted"], left["cells"]) == ("all", "left", "exact", "1044")
    assert float(whole["observed_s"]) == 4 * 3600 and whole["coverage"] == "1.0" and left["entries"] == "48"
    assert float(left["cell_seconds_per_hour"]) == pytest.approx(float(left["cell_seconds"]) / 4, abs=0.001)
    document = json.loads(Path("heat.json").read_text())
    assert document["period"] == "2024-03-04 to 2024-03-17, 10:00-12:00, Sat"
    assert (document["from"], document["to"]) == ("2024-03-04T00:00+01:00", "2024-03-18T00:00+01:00")
    assert document["coverage"] == 1.0 and document["rejected_s"] == {"light": pytest.approx(0.48)}
    assert document["zones"]["left"]["cell_seconds"] == float(left["cell_seconds"])
    with np.load("heat.npz", allow_pickle=False) as arrays:
        assert arrays["heat_s"].shape == (36, 64) and str(arrays["of"]) == "traffic" and arrays["epoch"] == 1
        assert arrays["heat_s"].sum() == pytest.approx(float(whole["cell_seconds"]), rel=0.01)
    assert picture("heat.jpg").shape == (720, 1280, 3)


def test_the_rate_is_drawn_per_hour(tmp_path: Path) -> None:
    for words in ([], ["--rate"]):
        succeeded(edgeheat("heat", "door", "--from", "2024-03-16", "-o", f"heat{len(words)}.png", *words))
    assert (picture("heat0.png") != picture("heat1.png")).any(), "the legend has other numbers"


def test_one_zone_is_answered_alone() -> None:
    result = succeeded(edgeheat("heat", "door", "--from", "2024-03-16", "--zone", "left", "-o", "a.csv", "-o", "a.png"))
    assert "left: a person in it for 0 min, 48 entries" in result.stdout
    assert [row["zone"] for row in rows("a.csv")] == ["left"]


def test_a_comparison_says_what_exceeds_normal_variation() -> None:
    words = ["--from", "2024-04-08..2024-05-05", "--against", "2024-03-11..2024-04-07", "--hours", "10-12"]
    result = succeeded(edgeheat("heat", "door", *words, "-o", "change.png", "-o", "change.csv", "-o", "change.json"))
    assert (
        "left: +" in result.stdout
        and "relative to the rest of the picture, which exceeds normal variation" in result.stdout
    )
    assert "whole picture" in result.stdout, "the zone `all` has no rest"
    left = rows("change.csv")[1]
    assert float(left["own_change_percent"]) == pytest.approx(100, abs=15)
    low, high = (float(left[f"relative_change_{end}_percent"]) for end in ("low", "high"))
    assert low < float(left["relative_change_percent"]) < high and low > 50
    assert (left["verdict"], left["a_weeks"], left["b_weeks"]) == ("exceeds normal variation", "4", "4")
    assert json.loads(Path("change.json").read_text())["changes"]["left"]["verdict"] == left["verdict"]
    assert picture("change.png").shape[1] == 1920


def test_too_few_weeks_are_reported_as_such() -> None:
    words = ["--from", "2024-04-08..2024-04-14", "--against", "previous", "--layout", "column"]
    result = succeeded(edgeheat("heat", "door", *words, "-o", "change.png"))
    assert "too few weeks" in result.stdout and "exceeds" not in result.stdout
    assert "only with 4 whole weeks (Monday to Sunday) in each period; A has 1, B has 1" in result.stderr
    assert picture("change.png").shape[1] == 720


def test_a_profile_has_the_hours_of_the_week() -> None:
    words = ["--profile", "--from", "2024-03-04..2024-03-31", "--zone", "left", "-o", "week.png", "-o", "week.csv"]
    result = succeeded(edgeheat("heat", "door", *words))
    assert "busiest on Sat from " in result.stdout
    hours = {(row["weekday"], row["hour"]): row["cell_seconds_per_hour"] for row in rows("week.csv")}
    assert len(hours) == 7 * 24 and hours["Mon", "3"] == "" and float(hours["Mon", "9"]) == 0
    assert float(hours["Sat", "10"]) > 2 * float(hours["Fri", "11"]) > 0
    assert picture("week.png").shape[1] == 1280


@pytest.mark.parametrize(("step", "pictures"), [("hour", 8), ("day", 2)])
def test_a_time_lapse_shows_each_hour_or_day(step: str, pictures: int, tmp_path: Path) -> None:
    words = ["--from", "2024-03-15..2024-03-16", "--hours", "9-13", "--timelapse", "lapse.mp4", "--step", step]
    succeeded(edgeheat("heat", "door", *words))
    assert files(tmp_path) == {"lapse.mp4"}
    with av.open("lapse.mp4") as video:
        frames = [frame.to_ndarray(format="bgr24") for frame in video.decode(video=0)]
    assert len(frames) == pictures and frames[0].shape == (720, 1280, 3)
    assert frames[-1].mean() != frames[0].mean()


def test_a_plan_shows_the_heat_of_its_cameras() -> None:
    result = succeeded(
        edgeheat("heat", "floor", "--from", "2024-03-16", "-o", "floor.png", "-o", "floor.csv", "--rate")
    )
    assert result.stdout.startswith("floor, 2024-03-16: 3.7 h of 24.0 h observed, 2 cameras")
    assert "stock: nothing was observed" in result.stderr
    assert [(row["camera"], row["coverage"]) for row in rows("floor.csv")] == [("door", "0.1667"), ("stock", "0.0")]
    assert picture("floor.png").shape == (1164, 1280, 3)


def test_the_other_scene_of_a_period_is_named_and_can_be_chosen() -> None:
    for words, epoch, other in (([], 1, 2), (["--epoch", "2"], 2, 1)):
        result = succeeded(edgeheat("heat", "door", "--from", "2024-04-30..2024-05-07", "-o", f"{epoch}.json", *words))
        assert f"this is scene {epoch}, and --epoch {other} shows the other" in result.stderr
        assert json.loads(Path(f"{epoch}.json").read_text())["epoch"] == epoch


@pytest.mark.parametrize(
    ("what", "words", "said"),
    [
        ("unknown camera", ["dor"], "dor is neither a camera nor a plan; there are door, stock, floor"),
        ("unknown zone", ["door", "--zone", "roof"], "door has no zone roof; its zones are all, left"),
        ("future", ["door", "--from", "2090-01-01"], f"type a period that has begun; {RANGE}"),
        ("before the first tile", ["door", "--from", "2020-02"], f"in 2020-02-01 to 2020-02-29; {RANGE}"),
        ("a gap", ["door", "--from", "2024-05-01"], f"door: nothing was observed in 2024-05-01; {RANGE}"),
        ("reversed", ["door", "--from", "2024-03-09", "--to", "2024-03-08"], f"type the earlier one first; {RANGE}"),
        ("no such time", ["door", "--from", "2024-03-31 02:30", "--to", "2024-04-01"], f"2024-03-31 03:00; {RANGE}"),
        ("twice", ["door", "--from", "2023-10-29 02:30", "--to", "2024-04-01"], f"2023-10-29 02:30+01:00; {RANGE}"),
        ("empty", ["door", "--from", "2024-03-15", "--weekdays", "sat"], "is empty: the period has none of these"),
        ("no history yet", ["stock", "--from", "2024-03-15"], "in 2024-03-15; nothing of stock is stored yet"),
        ("not a period", ["door", "--from", "soon"], '"soon" is not a period'),
        ("not hours", ["door", "--hours", "10"], '"10" is not a range of hours'),
        ("no start", ["door", "--to", "2024-03-15"], "--to needs --from"),
        ("unknown ending", ["door", "--from", "2024-03-15", "-o", "a.txt"], "a.txt: the name must end in .png"),
        ("overlap", ["door", "--from", "2024-04", "--against", "2024-04-30"], "the periods overlap"),
        ("nothing to compare with", ["door", "--from", "2024-03-15", "--against", "2020-02-02"], "in 2020-02-02; the"),
        ("two scenes", ["door", "--from", "2024-05-08", "--against", "2024-03-15"], "another scene in 2024-03-15"),
        ("one camera's", ["floor", "--profile"], "floor is a floor plan, and --profile answers for one camera"),
        ("no such epoch", ["door", "--from", "2024-03-15", "--epoch", "9"], "nothing of scene 9 was observed"),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_one_line_and_no_file(what: str, words: list[str], said: str, tmp_path: Path) -> None:
    result = edgeheat("heat", *words)
    assert result.exit_code == 1 and said in result.stderr and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert files(tmp_path) == set()


@pytest.mark.parametrize("words", [["--against", "2024-03", "--profile"], ["--against", "2024-03", "--epoch", "1"]])
def test_options_of_different_questions_are_not_combined(words: list[str]) -> None:
    result = edgeheat("heat", "door", *words)
    assert result.exit_code == 2 and "cannot be combined" in result.stderr


def test_a_history_that_cannot_be_read_is_reported(tmp_path: Path, storage: Path) -> None:
    result = edgeheat("heat", "door", "--storage", tmp_path / "nowhere")
    assert result.exit_code == 1 and "there is no history in" in result.stderr
    damaged = tmp_path / "damaged" / "state" / HISTORY_FILE
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no database " * 1000)
    assert "is damaged" in edgeheat("heat", "door", "--storage", tmp_path / "damaged").stderr
    newer = tmp_path / "newer" / "state" / HISTORY_FILE
    shutil.copytree(storage / "state", newer.parent)
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    result = edgeheat("heat", "door", "--storage", tmp_path / "newer")
    assert result.exit_code == 1 and "was written by a newer edgeheat" in result.stderr


OPEN_HOURS = '\n[hours]\nmon-sat = "10-12"\nsunday = "closed"\n'


def with_hours(config: Path, outside: str = "count") -> None:
    config.write_text(f'{config.read_text()}{OPEN_HOURS}outside = "{outside}"\n')


def test_with_opening_hours_the_answer_is_about_open_time_and_says_so(config: Path) -> None:
    with_hours(config)
    outputs = [word for ending in ("json", "csv", "npz") for word in ("-o", f"heat.{ending}")]
    result = succeeded(edgeheat("heat", "door", "--from", "2024-03-16", *outputs))
    assert result.stdout.startswith("door, 2024-03-16, open hours: 2.0 h of 2.0 h observed; busiest zone: left\n")
    assert result.stderr == ""
    document = json.loads(Path("heat.json").read_text())
    assert (document["layer"], document["coverage"]) == ("open", 1.0)
    assert {row["layer"] for row in rows("heat.csv")} == {"open"}
    with np.load("heat.npz", allow_pickle=False) as arrays:
        assert str(arrays["layer"]) == "open"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--closed"], "door, 2024-03-16, outside open hours: 2.0 h of 22.0 h observed; no motion counted\n"),
        (["--all-hours"], "door, 2024-03-16, open and closed hours: 4.0 h of 24.0 h observed; busiest zone: left\n"),
        (["--closed", "--hours", "9-10"], "door, 2024-03-16, 09:00-10:00, outside open hours: 1.0 h of 1.0 h obs"),
    ],
)
def test_closed_time_and_both_can_be_asked_for(words: list[str], said: str, config: Path) -> None:
    with_hours(config)
    assert succeeded(edgeheat("heat", "door", "--from", "2024-03-16", *words)).stdout.startswith(said)


def test_time_in_which_a_closed_shop_is_paused_is_explained(config: Path) -> None:
    with_hours(config, "pause")
    result = succeeded(edgeheat("heat", "door", "--from", "2024-03-16", "--all-hours"))
    assert "20.0 h were not observed: the shop was closed, edgeheat was off, " in result.stderr


def test_every_kind_of_question_names_the_layer(config: Path) -> None:
    with_hours(config)
    asked = ["--from", "2024-03-11..2024-03-17", "-o", "a.csv", "-o", "a.json", "--overwrite"]
    for name, words in (
        ("door", ["--against", "previous"]),
        ("door", ["--profile"]),
        ("floor", []),
    ):
        result = succeeded(edgeheat("heat", name, *asked, *words))
        assert ", open hours" in result.stdout.splitlines()[0]
        assert {row["layer"] for row in rows("a.csv")} == {"open"}
        document = json.loads(Path("a.json").read_text())
        assert document.get("layer", document.get("a", {}).get("layer")) == "open"


@pytest.mark.parametrize(
    ("outside", "words", "said"),
    [
        ("pause", ["--from", "2024-03-17"], "2024-03-17, open hours is empty: the shop is closed then; --all-hours"),
        ("pause", ["--from", "2024-03-16", "--hours", "10-11", "--closed"], "is empty: the shop is open then"),
        ("pause", ["--from", "2024-05-01", "--closed"], 'unless [hours] has outside = "count"; the history of door'),
        ("count", ["--from", "2024-05-01", "--closed"], f"observed in 2024-05-01, outside open hours; {RANGE}"),
    ],
)
def test_no_answer_because_of_opening_hours(outside: str, words: list[str], said: str, config: Path) -> None:
    with_hours(config, outside)
    result = edgeheat("heat", "door", *words)
    assert result.exit_code == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1


def test_closed_time_needs_opening_hours() -> None:
    result = edgeheat("heat", "door", "--closed")
    assert result.exit_code == 1 and "the configuration has no opening hours" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert edgeheat("heat", "door", "--closed", "--all-hours").exit_code == 2
