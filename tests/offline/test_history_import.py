"""A recording enters the history as it is rendered, and files that cannot be imported are rejected with what to do."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.config import load_config
from edgeheat.core.heat.period import Intervals
from edgeheat.defs.history import Level
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.defs.params import Measure
from edgeheat.errors import EdgeheatError, HistoryError
from edgeheat.history.query import read_heat
from edgeheat.offline.history.importing import ImportJob, ImportResult, import_file
from edgeheat.offline.history.question import Site
from edgeheat.offline.history.recording import RecordingJob, import_recording
from edgeheat.offline.render import RenderJob, render
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import HistoryStore
from tests.support.history_site import CONFIG, NOW_S, OSLO, store_history
from tests.support.media import make_clip
from tests.support.small_disk import make_read_only, small_disk
from tests.support.tiles import CountingCamera, at, random_ms

AT = "2024-05-13 07:04:37"
"""When the recording began: 23 s before the end of a tile, two hours before the present."""

FIRST, END = at("2024-05-13 07:00", OSLO), at("2024-05-13 07:10", OSLO)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = open_synthetic("synthetic:shop?seed=5&size=320x180&fps=5&duration=60", SourceOptions(clock=None))
    pictures = [frame.colour((320, 180)) for frame in source.frames()]
    path = tmp_path_factory.mktemp("clip") / "shop.mp4"
    return make_clip(path, size_wh=(320, 180), fps=5, frames=len(pictures), painter=lambda index, _: pictures[index])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A shop without history."""
    (tmp_path / "shop.toml").write_text(CONFIG)
    return Site.of(load_config(tmp_path / "shop.toml", {}), tmp_path / "storage", NOW_S)


def job(site: Site, clip: Path, recorded_at: str = AT, **changes: Any) -> RecordingJob:
    params = next(camera for camera in site.config.camera if camera.name == "door").pipeline_params(OSLO)
    return replace(RecordingJob(str(clip), params, recorded_at), **changes)


def count(site: Site, job: RecordingJob) -> ImportResult:
    return import_recording(site, job, lambda done, total: None)


def rendered_s(job: RecordingJob, measure: Measure, grid: Path) -> NDArray[np.float32]:
    whole = RenderJob(
        job.source, job.params, image=None, video=None, grid=grid, start=0, count=None, step=1, fps=None,
        overwrite=True, video_quality=20, measure=measure,
    )  # fmt: skip
    render(whole, lambda done, total: None)
    with np.load(grid) as arrays:
        return np.asarray(arrays["heat_s"])


def period(start_s: int, end_s: int) -> Intervals:
    return np.array([(start_s, end_s)], np.int64)


@pytest.mark.parametrize("measure", ["traffic", "dwell"])
def test_a_recording_has_the_heat_of_its_picture_to_a_unit(
    site: Site, clip: Path, tmp_path: Path, measure: Measure
) -> None:
    now_s = at("2024-05-13 07:12", OSLO)
    result = count(replace(site, now_s=now_s), job(site, clip))
    assert result.sentences == ("door, 2024-05-13 07:00 to 07:10, scene -1: 2 tiles imported",)
    expected_s = rendered_s(job(site, clip), measure, tmp_path / "grid.npz")
    with HistoryStore(site.history) as store:
        heat = read_heat(store, "door", period(FIRST, END), measure)
        assert expected_s.max() > 2 and np.abs(heat.grid.heat_s - expected_s).max() <= 0.101
        assert heat.grid.observed_s == pytest.approx(59, abs=2)
        parts = store.keys("door", Level.FIVE_MINUTES, FIRST, END)
        assert [part.observed_ms for part in parts] == pytest.approx([22_000, 37_000], abs=2000)
        assert [zone.name for zone in heat.zones] == ["all", "left"]
    assert count(site, job(site, clip)).notes == ("door: 2 tiles had been stored before",)
    with HistoryStore(site.history) as store:
        # Two hours later they are part of an hour, whose unit is a second.
        heat = read_heat(store, "door", period(FIRST, FIRST + 3600), measure)
        assert np.abs(heat.grid.heat_s - expected_s).max() < 1.101


def test_a_recording_in_which_the_camera_was_moved_is_two_scenes_with_their_backdrops(
    site: Site, tmp_path: Path
) -> None:
    source = open_synthetic("synthetic:shop?seed=5&size=320x180&fps=5&duration=90", SourceOptions(clock=None))
    pictures = [frame.colour((320, 180)) for frame in source.frames()]
    moved = make_clip(
        tmp_path / "moved.mp4", size_wh=(320, 180), fps=5, frames=len(pictures),
        painter=lambda index, _: np.roll(pictures[index], (0, 60)[index >= 200], axis=1),
    )  # fmt: skip
    assert "scenes -1 and -2: " in count(site, job(site, moved)).sentences[0]
    with HistoryStore(site.history) as store:
        heats = [read_heat(store, "door", period(FIRST, FIRST + 3600), "traffic", epoch) for epoch in (-1, -2)]
        assert 30 < heats[0].grid.observed_s < 60 and 20 < heats[1].grid.observed_s < 60
        scenes = [
            cv2.imdecode(np.frombuffer(store.backdrop("door", epoch) or b"", np.uint8), cv2.IMREAD_GRAYSCALE).astype(
                int
            )
            for epoch in (-1, -2)
        ]
    shifted = np.roll(scenes[0], 60, axis=1)
    assert np.abs(shifted - scenes[1]).mean() < 0.3 * np.abs(scenes[0] - scenes[1]).mean()


def test_two_parts_of_a_recording_are_in_the_same_time_as_the_whole(site: Site, clip: Path) -> None:
    count(site, job(site, clip, count=100))
    assert count(site, job(site, clip, start=120)).sentences[0].startswith("door, 2024-05-13 07:05 to 07:10, scene -2")


@pytest.mark.parametrize(
    ("recorded_at", "message"),
    [
        ("2024-05-13 09:00:01", "is in the future"),
        (
            "2024-05-13 08:59:30",
            "nothing was imported, because it would end at 2024-05-13 09:05, which is in the future",
        ),
        ("2024-03-31 02:30:00", "does not exist in Europe/Oslo"),
        ("13 May", '"13 May" is not a time; type it as'),
    ],
)
def test_a_wrong_time_is_rejected(site: Site, clip: Path, recorded_at: str, message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        count(site, job(site, clip, recorded_at))
    assert not site.history.exists() or not HistoryStore(site.history).cameras()


def test_a_recording_is_not_added_to_what_the_camera_counted_itself(site: Site, clip: Path) -> None:
    with HistoryStore(site.history) as store:
        store.add(CountingCamera(shape_hw=(180, 320), traffic_ms=random_ms(1)).tiles(END, END + 600))
    for same_view in (False, True):
        with pytest.raises(HistoryError, match="stored of 2024-05-13 07:10 to 2024-05-13 07:15"):
            count(site, job(site, clip, "2024-05-13 07:09:30", same_view=same_view))
    assert "scene 1:" in count(site, job(site, clip, same_view=True)).sentences[0]


def test_a_recording_in_which_nothing_was_observed_is_rejected(site: Site, clip: Path) -> None:
    with pytest.raises(HistoryError, match="nothing was observed; edgeheat tune shows why"):
        count(site, job(site, clip, count=1))


def test_a_recording_counts_in_opening_hours_like_its_camera(site: Site, clip: Path) -> None:
    seven_to_nine = OpeningHours(((ClockRange(7 * 60, 9 * 60),),) * 7, {})
    opened = replace(job(site, clip).params, hours=seven_to_nine)
    with pytest.raises(HistoryError, match="nothing was observed in the opening hours of the configuration"):
        count(site, job(site, clip, "2024-05-13 06:50", params=opened))
    assert "07:00 to 07:05" in count(site, job(site, clip, "2024-05-13 06:59:37", params=opened)).sentences[0]
    with HistoryStore(site.history) as store:
        heat = read_heat(store, "door", period(FIRST, FIRST + 3600), "traffic")
        assert heat.grid.observed_s == pytest.approx(37, abs=2)


@pytest.fixture(scope="module")
def other_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = store_history(tmp_path_factory.mktemp("other"))
    with HistoryStore(path) as store:
        prune(store, NOW_S)
    return path


@pytest.fixture
def other(other_history: Path, tmp_path: Path) -> Path:
    """The history of another device: ten weeks of the camera `door`, in two epochs."""
    return Path(shutil.copy(other_history, tmp_path / "other.sqlite3"))


def import_(site: Site, source: Path, *cameras: str) -> ImportResult:
    return import_file(site, ImportJob(source, cameras), lambda done, total: None)


def test_a_history_is_imported_and_stays_as_it_was(site: Site, other: Path) -> None:
    before = other.read_bytes()
    result = import_(site, other, "door=entrance")
    assert result.sentences[0].startswith("entrance, 2024-03-04 09:00 to 2024-05-12 13:00, scenes -1 and -2: ")
    assert other.read_bytes() == before and site.check() == []
    with HistoryStore(site.history) as here, HistoryStore(other) as there:
        weeks = period(at("2024-03-04 00:00", OSLO), at("2024-05-06 00:00", OSLO))
        heats = [
            read_heat(store, name, weeks, "traffic", epoch).grid.heat_s
            for store, name, epoch in ((here, "entrance", -1), (there, "door", 1))
        ]
        assert np.abs(heats[0] - heats[1]).max() < 1.001
    assert import_(site, other, "door=entrance").sentences[0].endswith(": 0 tiles imported")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def execute(*statements: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return run


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "there is no such file"),
        (lambda path: path.write_text("door,1,2\n" * 100), "damaged"),
        (cut, "damaged"),
        (execute("PRAGMA application_id = 1"), "is the database of another program"),
        (execute("PRAGMA user_version = 99"), "written by a newer edgeheat"),
        (execute("UPDATE tile SET observed_ms = observed_ms + 1 WHERE level = 2"), "cannot be imported: S6: door"),
        (execute("UPDATE tile SET start_s = start_s + 1800 WHERE level = 1"), "not those of Europe/Oslo"),
    ],
)
def test_a_file_that_cannot_be_imported_is_rejected(
    site: Site, other: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(other)
    with pytest.raises(EdgeheatError, match=message) as error:
        import_(site, other)
    assert "\n" not in str(error.value)
    assert not site.history.exists()


def test_the_history_itself_and_unknown_cameras_are_rejected(site: Site, other: Path) -> None:
    with pytest.raises(HistoryError, match="has no camera dor; it has door"):
        import_(site, other, "dor")
    with pytest.raises(HistoryError, match="cannot be the name of a camera"):
        import_(site, other, "door=Main entrance")
    import_(site, other)
    link = other.with_name("link.sqlite3")
    link.symlink_to(site.history)
    with pytest.raises(HistoryError, match="is the history itself"):
        import_(site, link)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "card").mkdir()
    with small_disk(tmp_path / "card", 40_000) as disk:
        yield disk


def test_a_card_that_is_read_only_can_be_imported(site: Site, other: Path, card: Path) -> None:
    source = Path(shutil.copy(other, card))
    make_read_only(card, read_only=True)
    assert import_(site, source).sentences[0].startswith("door, ")
