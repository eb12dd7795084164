"""Invariants I1 to I7: an import counts nothing twice, mixes no scenes, is right to a unit, and can be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.heat.period import Intervals
from edgeheat.defs.history import FIVE_MINUTES_S, EpochBackdrop, Level, Tile
from edgeheat.errors import HistoryError
from edgeheat.history import merge as merging
from edgeheat.history.merge import MergedCamera, merge
from edgeheat.history.query import read_heat
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.buckets import bucket_of
from edgeheat.store.history.check import check_store
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import CountingCamera, at, random_ms

OSLO = ZoneInfo("Europe/Oslo")
MIDNIGHT = at("2026-03-02 00:00", OSLO)
START = at("2026-03-02 08:00", OSLO)
END = at("2026-03-03 08:00", OSLO)
NOW = at("2026-03-20 12:00", OSLO)
DOOR = {"door": "door"}


def camera(seed: int = 1, **more: Any) -> CountingCamera:
    return CountingCamera(traffic_ms=random_ms(seed), dwell_ms=random_ms(seed + 100), **more)


def filled(path: Path, tiles: Iterable[Tile] = (), *, rolled_up: bool = True) -> HistoryStore:
    store = HistoryStore(path)
    store.add(tiles)
    if rolled_up:
        roll_up(store, OSLO, NOW)
    return store


def run(
    store: HistoryStore, source: HistoryStore, names: Mapping[str, str] = DOOR, *, now_s: float = NOW, **more: bool
) -> MergedCamera:
    (merged,) = merge(store, source, names, timezone=OSLO, now_s=now_s, **more)
    assert check_store(store.path, lambda level, unix_s: bucket_of(level, unix_s, OSLO)) == []
    return merged


def intervals(start_s: int = START, end_s: int = END) -> Intervals:
    return np.array([(start_s, end_s)], np.int64)


def heat_ms(store: HistoryStore, start_s: int = START) -> NDArray[np.float64]:
    return read_heat(store, "door", intervals(start_s), "traffic").grid.heat_s * 1000.0


def five_minutes(store: HistoryStore, name: str = "door") -> list[Tile]:
    return list(store.read(name, Level.FIVE_MINUTES, [(0, 1 << 40)]))


@pytest.fixture
def source(tmp_path: Path) -> HistoryStore:
    """A day of another device."""
    return filled(tmp_path / "source.sqlite3", camera().tiles(START, END))


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    """An empty history."""
    return HistoryStore(tmp_path / "history.sqlite3")


def test_everything_enters_an_empty_history_right_to_a_unit(store: HistoryStore, source: HistoryStore) -> None:
    counting = camera()
    list(counting.tiles(START, END))
    merged = run(store, source)
    assert merged == MergedCamera("door", START, END, (-1,), 288, 0)
    assert [replace(tile, epoch=1) for tile in five_minutes(store)] == five_minutes(source)
    error_ms = heat_ms(store) - counting.total_traffic_ms
    assert error_ms.min() > -1200 and error_ms.max() <= 0.01
    assert (
        read_heat(store, "door", intervals(), "traffic").zones
        == read_heat(source, "door", intervals(), "traffic").zones
    )


def test_hours_and_days_are_taken_over_where_the_finer_tiles_were_deleted(
    store: HistoryStore, source: HistoryStore
) -> None:
    expected_ms = heat_ms(source, start_s=MIDNIGHT)
    prune(source, END + 3600, keep_s={Level.FIVE_MINUTES: 4 * 3600, Level.HOUR: 8 * 3600})
    merged = run(store, source)
    assert merged.added == 1 + 5 + 3 * 12, "2 March, the night's hours, and the morning"
    assert np.abs(heat_ms(store, start_s=MIDNIGHT) - expected_ms).max() < 1001
    assert [len(store.keys("door", level, 0, 1 << 40)) for level in Level] == [3 * 12, 8, 2, 0]


def test_the_second_import_adds_nothing(store: HistoryStore, source: HistoryStore) -> None:
    first, before = run(store, source), five_minutes(store)
    assert run(store, source) == replace(first, added=0, known=288)
    assert five_minutes(store) == before and store.epochs("door") == [-1]


def test_what_was_rolled_up_and_deleted_since_is_not_added_again(store: HistoryStore, source: HistoryStore) -> None:
    run(store, source)
    prune(store, NOW, keep_s={Level.FIVE_MINUTES: 0, Level.HOUR: 0})
    assert run(store, source).added == 0
    assert [len(store.keys("door", level, 0, 1 << 40)) for level in Level] == [0, 0, 2, 0]


@pytest.mark.parametrize("shift_s", [-FIVE_MINUTES_S, FIVE_MINUTES_S])
def test_an_overlap_of_five_minutes_at_either_end_is_rejected(
    tmp_path: Path, source: HistoryStore, shift_s: int
) -> None:
    start_s = START - 86_400 - shift_s if shift_s < 0 else END - shift_s
    with filled(tmp_path / "mine.sqlite3", camera(2).tiles(start_s, start_s + 86_400)) as store:
        before = five_minutes(store)
        with pytest.raises(HistoryError) as error:
            run(store, source)
        period = "2026-03-02 08:00 to 2026-03-02 08:05" if shift_s < 0 else "2026-03-03 07:55 to 2026-03-03 08:00"
        assert f"nothing was imported, because something else is stored of {period}: " in str(error.value)
        assert five_minutes(store) == before
        assert run(store, source, {"door": "door-2"}).added == 288, "under another name it is no overlap"


@pytest.mark.parametrize("start_s", [START - 86_400, END])
def test_times_that_only_touch_do_not_overlap(tmp_path: Path, source: HistoryStore, start_s: int) -> None:
    with filled(tmp_path / "mine.sqlite3", camera(2).tiles(start_s, start_s + 86_400)) as store:
        assert run(store, source).added == 288
        assert store.epochs("door") == [-1, 1]


def test_an_hour_of_which_only_the_sum_is_left_overlaps_its_five_minutes(tmp_path: Path, source: HistoryStore) -> None:
    with filled(tmp_path / "mine.sqlite3", camera(2).tiles(START - 3000, START + 600)) as store:
        prune(store, NOW, keep_s={Level.FIVE_MINUTES: 0})
        with pytest.raises(HistoryError, match="of 2026-03-02 08:00 to 2026-03-02 09:00: import"):
            run(store, source)


def test_the_same_view_continues_the_present_scene(tmp_path: Path, source: HistoryStore) -> None:
    """The card was replaced in the middle of an hour."""
    continued = camera(2)
    at_s = END + 25 * 60
    with filled(tmp_path / "mine.sqlite3", continued.tiles(at_s, at_s + 3600)) as store:
        moved = [replace(tile, epoch=7) for tile in camera(3).tiles(END, at_s)]
        source.add(moved)
        assert run(store, source, same_view=True).scenes == (-1, 1)
        assert [key.epoch for key in store.keys("door", Level.HOUR, END, at_s + 3600)] == [1, 1]
        heat = read_heat(store, "door", intervals(END, END + 7200), "traffic")
        exact = camera(3)
        list(exact.tiles(END, at_s))
        error_ms = heat.grid.heat_s * 1000.0 - exact.total_traffic_ms - continued.total_traffic_ms
        assert error_ms.min() > -1400 and error_ms.max() <= 0.01
        assert heat.other_epochs == ()


def test_the_same_view_needs_a_history_of_the_same_grid_that_is_over(tmp_path: Path, source: HistoryStore) -> None:
    with HistoryStore(tmp_path / "empty.sqlite3") as store, pytest.raises(HistoryError, match="for ten minutes first"):
        run(store, source, same_view=True)
    wide = camera(2, shape_hw=(9, 20)).tiles(END, END + 3600)
    with (
        filled(tmp_path / "wide.sqlite3", wide) as store,
        pytest.raises(HistoryError, match="its grid is 16 x 9 cells, and that of the stored history 20 x 9"),
    ):
        run(store, source, same_view=True)
    with (
        filled(tmp_path / "mine.sqlite3", camera(2).tiles(START - 3600, START)) as store,
        pytest.raises(HistoryError, match="try again in 5 minutes"),
    ):
        run(store, source, same_view=True, now_s=END + 600)


def test_an_earlier_copy_of_this_history_completes_it_under_the_same_epochs(tmp_path: Path) -> None:
    tiles = list(camera().tiles(START, END))
    tiles[144:] = [replace(tile, epoch=2) for tile in tiles[144:]]
    # The camera was moved within these five minutes, of which only the part after that is stored here.
    boundary = replace(tiles[144], epoch=1, observed_ms=5000)
    copy = filled(tmp_path / "copy.sqlite3", [*tiles, boundary])
    mine = [*tiles[100:150], *camera(5, epoch=2).tiles(END, END + 600)]
    with filled(tmp_path / "mine.sqlite3", mine) as store:
        merged = run(store, copy)
        assert (merged.added, merged.known, merged.scenes) == (288 - 50 + 1, 50, (1, 2))
        assert store.epochs("door") == [1, 2]


def test_hours_without_motion_do_not_make_two_scenes_one(tmp_path: Path) -> None:
    still = CountingCamera()
    ours, theirs = list(still.tiles(START, START + 600)), list(still.tiles(START, START + 1200))
    with (
        filled(tmp_path / "ours.sqlite3", ours) as store,
        filled(tmp_path / "theirs.sqlite3", theirs) as source,
        pytest.raises(HistoryError, match="of 2026-03-02 08:00 to 2026-03-02 08:10"),
    ):
        run(store, source)


def test_a_copy_of_hours_without_motion_is_known(tmp_path: Path) -> None:
    still = list(CountingCamera().tiles(START, START + 1200))
    with filled(tmp_path / "ours.sqlite3", still) as store, filled(tmp_path / "copy.sqlite3", still[:2]) as source:
        assert run(store, source) == MergedCamera("door", START, START + 600, (1,), 0, 2)


def test_an_import_that_was_interrupted_is_completed_by_the_next(
    store: HistoryStore, source: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first day, and after the running edgeheat has rolled it up and deleted its tiles."""
    monkeypatch.setattr(merging, "_BATCH_BYTES", 1)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(store, source, DOOR, timezone=OSLO, now_s=NOW, on_progress=interrupt)
    assert 0 < len(five_minutes(store)) < 288
    roll_up(store, OSLO, NOW)
    prune(store, NOW, keep_s={Level.FIVE_MINUTES: 0, Level.HOUR: 0})
    assert run(store, source).known == 16 * 12
    assert read_heat(store, "door", intervals(), "traffic").missing_s == 0


def test_each_scene_has_the_picture_that_the_camera_took_of_it(tmp_path: Path, source: HistoryStore) -> None:
    source.add(replace(tile, epoch=2) for tile in camera(3).tiles(END, END + 600))
    source.add(replace(tile, epoch=2) for tile in camera(4, name="aisle").tiles(END, END + 600))
    for epoch in (1, 2, 3):
        source.set_backdrop(EpochBackdrop("door", epoch, END, b"theirs %d" % epoch))
    with filled(tmp_path / "mine.sqlite3", camera(2).tiles(END + 600, END + 1200)) as store:
        store.set_backdrop(EpochBackdrop("door", 1, END, b"ours"))
        run(store, source, same_view=True)
        assert store.backdrops("door") == [
            EpochBackdrop("door", -1, END, b"theirs 1"),
            EpochBackdrop("door", 1, END, b"ours"),
        ]


def test_what_ends_in_the_future_is_rejected(store: HistoryStore, source: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="end at 2026-03-03 08:00, which is in the future"):
        run(store, source, now_s=END - 1)
    assert store.cameras() == []


def test_nothing_is_stored_of_any_camera_if_one_overlaps(tmp_path: Path, source: HistoryStore) -> None:
    source.add(camera(4, name="aisle").tiles(START, END))
    with filled(tmp_path / "mine.sqlite3", camera(2).tiles(START, END)) as store:
        with pytest.raises(HistoryError, match=r"^door: nothing was imported"):
            merge(store, source, {"aisle": "aisle", "door": "door"}, timezone=OSLO, now_s=NOW)
        assert store.cameras() == ["door"]


def test_the_running_edgeheat_may_write_meanwhile(store: HistoryStore, source: HistoryStore) -> None:
    """Its transactions and those of the import take turns."""
    daemon = HistoryStore(store.path)
    own = iter(camera(9).tiles(NOW - 3000, NOW))
    merged = merge(
        store, source, DOOR, timezone=OSLO, now_s=NOW, on_progress=lambda done, total: daemon.add([next(own)])
    )
    assert merged[0].added == 288 and len(daemon.keys("door", Level.FIVE_MINUTES, NOW - 3000, NOW, 1)) >= 1
