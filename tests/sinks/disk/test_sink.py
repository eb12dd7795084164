"""The disk sink: dated files, `latest`, retention, and full, broken or read-only disks."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edgeheat.errors import SinkUnavailable
from edgeheat.sinks.disk.sink import DiskSink
from tests.sinks.events import NOON_S, heat_image, plan_snapshot, progress, snapshot, status
from tests.support import small_disk as disks

DAY_S = 86400.0
PICTURE = os.urandom(2000)


class Kept:
    """A disk sink and what it reported."""

    def __init__(
        self,
        root: Path,
        keep_s: float = 30 * DAY_S,
        max_bytes: int = 1 << 40,
        free_floor_bytes: int = 0,
        every_s: float = 0.0,
    ) -> None:
        self.root = root / "heatmaps"
        self.written: list[tuple[str, str]] = []
        self.total_bytes = -1
        self.sink = DiskSink(
            root,
            timezone=ZoneInfo("Europe/Berlin"),
            keep_s=keep_s,
            max_bytes=max_bytes,
            free_floor_bytes=free_floor_bytes,
            every_s=every_s,
            on_written=lambda camera, outcome: self.written.append((camera, outcome)),
            on_bytes=self._set_bytes,
        )

    def _set_bytes(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes

    def take(self, wall_s: float, camera: str = "door", heat: str = "hour", image: bytes = PICTURE) -> None:
        self.sink.handle(snapshot(wall_s, heat_image(heat, image), camera=camera))

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def dated(self) -> list[str]:
        return [name for name in self.files() if "latest" not in name and name.endswith("jpg")]


def test_each_picture_is_kept_dated_and_as_latest_with_its_figures_beside_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.sink.handle(snapshot(NOON_S, heat_image("hour", b"one"), heat_image("day", b"two", "image/png")))
    assert kept.files() == [
        "door/day/2026/11/21/120000Z.json",
        "door/day/2026/11/21/120000Z.png",
        "door/day/latest.json",
        "door/day/latest.png",
        "door/hour/2026/11/21/120000Z.jpg",
        "door/hour/2026/11/21/120000Z.json",
        "door/hour/latest.jpg",
        "door/hour/latest.json",
    ]
    assert (kept.root / "door/hour/latest.jpg").read_bytes() == b"one"
    assert (kept.root / "door/day/2026/11/21/120000Z.png").read_bytes() == b"two"
    assert kept.written == [("door", "ok"), ("door", "ok")]


def test_the_figures_have_the_instant_in_utc_and_local_time_and_explain_their_units(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.take(NOON_S)
    figures = json.loads((kept.root / "door/hour/2026/11/21/120000Z.json").read_text())
    units = figures.pop("units")
    assert figures == {
        "schema": 1,
        "camera": "door",
        "heat": "hour",
        "captured_at": "2026-11-21T12:00:00Z",
        "captured_at_local": "2026-11-21T13:00:00+01:00",
        "epoch": 1,
        "picture": "2026/11/21/120000Z.jpg",
        "media_type": "image/jpeg",
        "size_wh": [1280, 720],
        "kind": "window",
        "of": "presence",
        "period_s": 3600.0,
        "observed_s": 3564.0,
        "open_s": 3600.0,
        "coverage": 0.99,
        "scale_max_s": 41.2,
        "zones": {
            "all": {
                "cells": 57600,
                "cell_seconds": 1234.568,
                "mean_s": 0.0214,
                "peak_s": 41.235,
                "peak_xy": [0.251, 0.75],
                "weight": 1.0,
                "rank": None,
                "active_s": 891.0,
                "active_ratio": 0.25,
                "traffic_cell_s": 1000.123,
                "dwell_cell_s": 234.444,
                "entries": 17,
            },
            "tür": {
                "cells": 20,
                "cell_seconds": 0,
                "mean_s": 0,
                "peak_s": 0,
                "peak_xy": [0, 0],
                "weight": 2.5,
                "rank": 1,
                "active_s": 0,
                "active_ratio": 0,
                "traffic_cell_s": 0,
                "dwell_cell_s": 0,
                "entries": 0,
            },
        },
    }
    numbers = {*figures, *figures["zones"]["all"]} - {
        "schema",
        "camera",
        "heat",
        "kind",
        "zones",
        "picture",
        "media_type",
        "size_wh",
    }
    assert set(units) == numbers - {"captured_at", "captured_at_local"}


def test_the_figures_of_a_moved_camera_have_its_epoch(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.sink.handle(replace(snapshot(NOON_S), epoch=3))
    assert json.loads((kept.root / "door/hour/latest.json").read_text())["epoch"] == 3


def test_latest_is_a_hard_link(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.take(NOON_S)
    for name in ("jpg", "json"):
        dated = kept.root / f"door/hour/2026/11/21/120000Z.{name}"
        assert dated.samefile(kept.root / f"door/hour/latest.{name}")


def test_latest_is_a_copy_where_it_cannot_be_linked(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    year = kept.root / "door/hour/2026"
    year.mkdir(parents=True)
    with disks.small_disk(year, 1024):
        for n in range(2):
            kept.take(NOON_S + n, image=b"%d" % n)
        assert (kept.root / "door/hour/latest.jpg").read_bytes() == b"1"
        assert not (year / "11/21/120001Z.jpg").samefile(kept.root / "door/hour/latest.jpg")
        assert len(kept.files()) == 6


def test_a_changed_format_leaves_no_stale_latest(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for media_type in ("image/png", "image/webp", "image/jpeg"):
        kept.sink.handle(snapshot(NOON_S, heat_image(media_type=media_type)))
    assert [name for name in kept.files() if "latest" in name] == ["door/hour/latest.jpg", "door/hour/latest.json"]


def test_a_name_that_exists_gets_a_number_whatever_its_format(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for image, media_type in ((b"first", "image/jpeg"), (b"second", "image/png"), (b"third", "image/jpeg")):
        kept.sink.handle(snapshot(NOON_S, heat_image("hour", image, media_type)))
    day = kept.root / "door/hour/2026/11/21"
    assert sorted(path.name for path in day.iterdir()) == [
        "120000Z-2.json", "120000Z-2.png", "120000Z-3.jpg", "120000Z-3.json", "120000Z.jpg", "120000Z.json",
    ]  # fmt: skip
    assert (day / "120000Z.jpg").read_bytes() == b"first"
    assert (kept.root / "door/hour/latest.jpg").read_bytes() == b"third"


def test_a_reader_never_sees_an_unfinished_latest(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    images = [bytes([n]) * 200_000 for n in range(2)]
    kept.take(NOON_S, image=images[0])
    done, torn = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            data = (kept.root / "door/hour/latest.jpg").read_bytes()
            json.loads((kept.root / "door/hour/latest.json").read_bytes())
            if data not in images:
                torn.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(100):
        kept.take(NOON_S + n, image=images[n % 2])
    done.set()
    reader.join()
    assert not torn


# --- retention ---


def test_old_pictures_are_deleted_with_their_empty_folders_and_latest_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path, keep_s=DAY_S)
    for hours in (0, 12, 23, 25, 48):
        kept.take(NOON_S + hours * 3600)
    assert kept.dated() == ["door/hour/2026/11/22/130000Z.jpg", "door/hour/2026/11/23/120000Z.jpg"]
    assert not (kept.root / "door/hour/2026/11/21").exists()
    assert (kept.root / "door/hour/latest.jpg").read_bytes() == PICTURE


def test_old_pictures_are_deleted_at_the_first_event_of_any_kind(tmp_path: Path) -> None:
    before = Kept(tmp_path)
    before.take(NOON_S - 40 * DAY_S, camera="gone")
    before.take(NOON_S - 2 * DAY_S)
    after = Kept(tmp_path, keep_s=30 * DAY_S)
    after.sink.handle(status())
    assert after.files() == [
        "door/hour/2026/11/19/120000Z.jpg",
        "door/hour/2026/11/19/120000Z.json",
        "door/hour/latest.jpg",
        "door/hour/latest.json",
        "gone/hour/latest.jpg",
        "gone/hour/latest.json",
    ]
    assert not (after.root / "gone/hour/2026").exists()


@pytest.mark.parametrize("restart", [False, True])
def test_the_oldest_of_all_cameras_are_deleted_when_all_exceed_the_limit(tmp_path: Path, restart: bool) -> None:
    size = 3 * (len(PICTURE) + 8192) + 500
    kept = Kept(tmp_path, max_bytes=size)
    for n in range(30):
        if restart and n == 15:
            kept = Kept(tmp_path, max_bytes=size)
        kept.take(NOON_S + n * 7200, camera=f"cam{n % 3}", heat=("hour", "day")[n % 2])
        on_disk = sum((kept.root / name).stat().st_size for name in kept.files() if "latest" not in name)
        assert kept.total_bytes == on_disk <= size
    newest_first = sorted((name.split("/", 2)[2] for name in kept.dated()), reverse=True)
    expected = [
        datetime.fromtimestamp(NOON_S + n * 7200, UTC).strftime("%Y/%m/%d/%H%M%SZ.jpg") for n in range(29, -1, -1)
    ]
    assert newest_first == expected[: len(newest_first)] and len(newest_first) >= 3


def test_a_clock_set_back_overwrites_nothing_and_retention_goes_by_the_names(tmp_path: Path) -> None:
    kept = Kept(tmp_path, max_bytes=18_500)
    for wall_s in (NOON_S, NOON_S + 3600, NOON_S - 3600, NOON_S):
        kept.take(wall_s)
    assert "door/hour/2026/11/21/110000Z.jpg" not in kept.dated(), "the oldest name is deleted first"
    assert "door/hour/2026/11/21/120000Z.jpg" in kept.dated()


def test_a_clock_never_set_deletes_nothing(tmp_path: Path) -> None:
    Kept(tmp_path).take(NOON_S)
    kept = Kept(tmp_path, keep_s=DAY_S)
    kept.take(60.0)
    assert kept.dated() == ["door/hour/1970/01/01/000100Z.jpg", "door/hour/2026/11/21/120000Z.jpg"]


def test_a_folder_that_becomes_a_link_while_retention_works_in_it_is_not_followed(tmp_path: Path) -> None:
    kept = Kept(tmp_path, keep_s=DAY_S)
    for hours in (0, 1, 24.5):
        kept.take(NOON_S + hours * 3600)
    assert len(kept.dated()) == 2, "the first picture of the day is gone, the second is known"
    day = kept.root / "door/hour/2026/11/21"
    day.rename(tmp_path / "outside")
    day.symlink_to(tmp_path / "outside")
    kept.take(NOON_S + 26 * 3600)
    assert (tmp_path / "outside/130000Z.jpg").exists()


def test_a_folder_that_is_a_link_is_rejected_because_retention_would_not_follow_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "heatmaps").mkdir()
    (tmp_path / "heatmaps/door").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SinkUnavailable, match="door/hour/2026/11/21 is in the way: move it elsewhere"):
        Kept(tmp_path).take(NOON_S)
    assert not [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]


def test_the_storage_itself_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "storage").symlink_to(tmp_path / "disk")
    Kept(tmp_path / "storage").take(NOON_S)
    assert (tmp_path / "disk/heatmaps/door/hour/latest.jpg").exists()


# --- full, broken and read-only disks ---


def test_a_full_disk_is_reported_with_the_remedy_leaves_no_unfinished_file_and_is_used_again_with_space(
    small_disk: Path,
) -> None:
    kept = Kept(small_disk)
    kept.take(NOON_S, image=b"good")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(2_000_000))
    with pytest.raises(
        SinkUnavailable, match=r"door: pictures not written to .*: the disk is full: make room on it"
    ) as error:
        kept.take(NOON_S + 1, image=os.urandom(100_000))
    assert "\n" not in str(error.value)
    assert (kept.root / "door/hour/latest.jpg").read_bytes() == b"good"
    assert not [path for path in small_disk.rglob("*") if "tmp" in path.name]

    ballast.unlink()
    kept.take(NOON_S + 2, image=b"again")
    assert (kept.root / "door/hour/latest.jpg").read_bytes() == b"again"
    assert [outcome for _, outcome in kept.written] == ["ok", "failed", "ok"]


def test_the_oldest_are_deleted_on_a_disk_that_fills_up(small_disk: Path) -> None:
    kept = Kept(small_disk, free_floor_bytes=300_000)
    for n in range(40):
        kept.take(NOON_S + n, image=os.urandom(50_000))
        disk = os.statvfs(small_disk)
        assert disk.f_bavail * disk.f_frsize >= 300_000
    assert 5 <= len(kept.dated()) <= 15
    assert kept.dated()[-1].endswith("120039Z.jpg")
    assert {outcome for _, outcome in kept.written} == {"ok"}


def test_below_the_floor_only_latest_is_written_until_there_is_space(small_disk: Path) -> None:
    kept = Kept(small_disk, free_floor_bytes=300_000)
    kept.take(NOON_S, image=os.urandom(50_000))
    (small_disk / "ballast").write_bytes(bytes(800_000))
    with pytest.raises(
        SinkUnavailable, match=r"only the latest pictures are kept in .*make room on it, or change storage.free_floor"
    ):
        kept.take(NOON_S + 1, image=b"newest")
    assert kept.files() == ["door/hour/latest.jpg", "door/hour/latest.json"]
    assert (kept.root / "door/hour/latest.jpg").read_bytes() == b"newest"
    assert json.loads((kept.root / "door/hour/latest.json").read_text())["picture"] == "latest.jpg"

    (small_disk / "ballast").unlink()
    kept.take(NOON_S + 2)
    assert kept.dated() == ["door/hour/2026/11/21/120002Z.jpg"]


def test_old_pictures_are_deleted_on_a_disk_that_runs_out_of_inodes(tmp_path: Path) -> None:
    with disks.small_disk(tmp_path, 8192, inodes=400):
        kept = Kept(tmp_path)
        for n in range(300):
            kept.take(NOON_S + n, image=b"small")
        assert 20 < len(kept.dated()) < 200
        assert {outcome for _, outcome in kept.written} == {"ok"}


def test_a_read_only_disk_is_reported_and_used_again_when_it_is_writable(small_disk: Path) -> None:
    kept = Kept(small_disk)
    kept.take(NOON_S)
    disks.make_read_only(small_disk, True)
    with pytest.raises(SinkUnavailable, match="the disk is read-only: look at `dmesg`"):
        kept.take(NOON_S + 1)
    with pytest.raises(SinkUnavailable, match="the disk is read-only"):
        Kept(small_disk, keep_s=0.0).take(NOON_S + DAY_S)
    disks.make_read_only(small_disk, False)
    kept.take(NOON_S + 2)
    assert len(kept.dated()) == 2


def test_a_storage_that_is_a_file_is_reported_and_counted_for_each_picture(tmp_path: Path) -> None:
    (tmp_path / "heatmaps").write_text("oops")
    kept = Kept(tmp_path)
    with pytest.raises(SinkUnavailable, match="heatmaps is in the way: move it elsewhere"):
        kept.sink.handle(snapshot(NOON_S, heat_image("a"), heat_image("b")))
    assert kept.written == [("door", "failed"), ("door", "failed")]
    (tmp_path / "heatmaps").unlink()
    kept.take(NOON_S)
    assert kept.written[-1] == ("door", "ok")


def test_a_broken_folder_of_one_heat_does_not_affect_the_others(tmp_path: Path) -> None:
    (tmp_path / "heatmaps/door").mkdir(parents=True)
    (tmp_path / "heatmaps/door/bad").write_text("in the way")
    kept = Kept(tmp_path)
    with pytest.raises(SinkUnavailable):
        kept.sink.handle(snapshot(NOON_S, heat_image("bad"), heat_image("good")))
    assert kept.dated() == ["door/good/2026/11/21/120000Z.jpg"]
    assert [outcome for _, outcome in kept.written] == ["failed", "ok"]


def test_progress_does_not_access_the_disk(tmp_path: Path) -> None:
    Kept(tmp_path / "never").sink.handle(progress())
    assert not (tmp_path / "never").exists()


def test_a_floor_plan_is_written_like_a_camera(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.sink.handle(plan_snapshot())
    folder = kept.root / "floor" / "hour"
    assert (folder / "latest.jpg").read_bytes() == (folder / "2026/11/21/120000Z.jpg").read_bytes() == b"picture"
    figures = json.loads((folder / "latest.json").read_bytes())
    assert (figures["camera"], figures["plan"]["size_m"]) == ("floor", [11.0, 10.0])
    assert kept.written == [("floor", "ok")]


def test_pictures_are_written_at_most_as_often_as_the_card_is_to_be_spared(tmp_path: Path) -> None:
    kept = Kept(tmp_path, every_s=3600.0)
    for minutes in (0, 10, 59, 60, 70, 130):
        kept.take(NOON_S + 60 * minutes + (minutes == 0))
    kept.take(NOON_S + 60, camera="till")
    assert kept.dated() == [
        "door/hour/2026/11/21/120001Z.jpg",
        "door/hour/2026/11/21/130000Z.jpg",
        "door/hour/2026/11/21/141000Z.jpg",
        "till/hour/2026/11/21/120100Z.jpg",
    ]
    assert len(kept.written) == 4
    kept.take(NOON_S - 3600)  # the clock was set back
    kept.sink.handle(replace(snapshot(NOON_S - 3500, heat_image("hour", PICTURE)), epoch=2))
    assert len(kept.written) == 6


def test_the_last_picture_is_written_when_the_shop_closes_and_at_the_end(tmp_path: Path) -> None:
    kept = Kept(tmp_path, every_s=3600.0)
    for minutes in (0, 10, 20):
        kept.take(NOON_S + 60 * minutes)
    kept.sink.handle(replace(status("closed", "the shop is closed", "closed"), wall_s=NOON_S + 1300))
    kept.sink.handle(replace(status("closed", "the shop is closed", "closed"), wall_s=NOON_S + 1400))
    kept.take(NOON_S + 1800)
    kept.take(NOON_S + 2400)
    kept.sink.close()
    assert [name[-11:] for name in kept.dated()] == ["120000Z.jpg", "122000Z.jpg", "124000Z.jpg"]


def test_a_picture_that_could_not_be_written_is_written_with_the_next_snapshot(tmp_path: Path) -> None:
    kept = Kept(tmp_path, every_s=3600.0, max_bytes=1)
    with pytest.raises(SinkUnavailable):
        kept.take(NOON_S)
    with pytest.raises(SinkUnavailable):
        kept.take(NOON_S + 600)
    assert [outcome for _, outcome in kept.written] == ["failed", "failed"]
