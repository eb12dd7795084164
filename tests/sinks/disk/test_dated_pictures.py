"""The dated pictures: their size, and the deletion of the oldest."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgeheat.sinks.disk.dated_pictures import DatedPictures
from tests.sinks.events import NOON_S

DAY_S = 86400.0
NEVER_S = -1e12


def store(base: Path, wall_s: float, heat: str = "door/hour", size_bytes: int = 100) -> Path:
    """Write a picture of `size_bytes` with 10 bytes of figures; return its path without extension."""
    stem = base / heat / datetime.fromtimestamp(wall_s, UTC).strftime("%Y/%m/%d/%H%M%SZ")
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".jpg").write_bytes(bytes(size_bytes))
    stem.with_suffix(".json").write_bytes(bytes(10))
    return stem


def names(base: Path) -> list[str]:
    return sorted(str(path.relative_to(base)) for path in base.rglob("*.jpg"))


def test_it_finds_the_pictures_of_earlier_runs(tmp_path: Path) -> None:
    store(tmp_path, NOON_S)
    store(tmp_path, NOON_S + DAY_S, "till/day", size_bytes=500)
    assert DatedPictures(tmp_path).total_bytes == 620


def test_a_new_picture_is_added_to_the_total(tmp_path: Path) -> None:
    pictures = DatedPictures(tmp_path)
    assert pictures.total_bytes == 0
    pictures.add(store(tmp_path, NOON_S), NOON_S, 110)
    assert pictures.total_bytes == 110


@pytest.mark.parametrize("reread", [False, True])
@pytest.mark.parametrize(
    ("what", "older_than_s", "excess_bytes", "kept"),
    [
        ("nothing to delete", NEVER_S, 0, 4),
        ("by age, within a day", NOON_S + 1, 0, 3),
        ("by age, over several days", NOON_S + 1.5 * DAY_S, 0, 2),
        ("by size, across heats", NEVER_S, 111, 2),
        ("by size, exactly", NEVER_S, 110, 3),
        ("all of them", NEVER_S, 10_000, 0),
    ],
)
def test_the_oldest_are_deleted(
    tmp_path: Path, *, what: str, older_than_s: float, excess_bytes: int, kept: int, reread: bool
) -> None:
    pictures = DatedPictures(tmp_path)
    stored = [(NOON_S, "door/hour"), (NOON_S + 60, "till/day"), (NOON_S + 2 * DAY_S, "door/day")]
    for wall_s, heat in [*stored, (NOON_S + 3 * DAY_S, "door/hour")]:
        pictures.add(store(tmp_path, wall_s, heat), wall_s, 110)
    if reread:
        pictures = DatedPictures(tmp_path)
    before = sorted(names(tmp_path), key=lambda name: name.split("/", 2)[2])
    pictures.delete(older_than_s=older_than_s, excess_bytes=excess_bytes)
    assert names(tmp_path) == sorted(before[4 - kept :]), what
    assert pictures.total_bytes == 110 * kept


def test_the_folders_of_a_deleted_day_are_removed(tmp_path: Path) -> None:
    store(tmp_path, NOON_S)
    DatedPictures(tmp_path).delete(older_than_s=NOON_S + DAY_S, excess_bytes=0)
    assert list((tmp_path / "door/hour").iterdir()) == []


def test_unfinished_files_of_a_power_cut_are_removed_at_the_start(tmp_path: Path) -> None:
    day = tmp_path / "door/hour/2026/11/20"
    day.mkdir(parents=True)
    for unfinished in (day / ".120000Z.jpg.edgeheat-tmp", day.parents[2] / ".latest.jpg.edgeheat-tmp"):
        unfinished.write_bytes(b"half")
    DatedPictures(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_other_files_and_linked_folders_are_not_touched(tmp_path: Path) -> None:
    base = tmp_path / "heatmaps"
    outside = tmp_path / "outside/2020/01/01"
    outside.mkdir(parents=True)
    day = base / "door/hour/2020/01/01"
    day.mkdir(parents=True)
    others = [
        outside / "120000Z.jpg", day / "notes.txt", day / "120000Z.mp4", day / "250000Z.jpg", day / "x120000Z.jpg",
        base / "door/hour/120000Z.jpg", base / "120000Z.jpg",
    ]  # fmt: skip
    for path in others:
        path.write_bytes(b"not ours")
    (base / "door/linked").symlink_to(tmp_path / "outside")
    (base / "linked").symlink_to(tmp_path)
    (base / "door/hour/2019").symlink_to(tmp_path / "outside/2020")
    (day / "120000Z.jpg").symlink_to(outside / "120000Z.jpg")
    (day / "130000Z.jpg").write_bytes(b"ours")

    DatedPictures(base).delete(older_than_s=NOON_S, excess_bytes=1 << 40)
    assert all(path.read_bytes() == b"not ours" for path in others)
    assert (day / "120000Z.jpg").is_symlink()
    assert not (day / "130000Z.jpg").exists()


def test_the_tree_is_not_walked_for_each_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = DatedPictures(tmp_path)
    listed = 0
    scandir = os.scandir

    def counting(path: Path) -> object:
        nonlocal listed
        listed += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    for wall_s in (NOON_S + n * 3600 for n in range(80)):
        pictures.add(store(tmp_path, wall_s), wall_s, 110)
        pictures.delete(older_than_s=wall_s - 2 * DAY_S, excess_bytes=0)
    monkeypatch.undo()
    assert len(names(tmp_path)) == 49
    assert 0 < listed <= 12, "folders are listed when the deletion of a day begins, not for each picture"
