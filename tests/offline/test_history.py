"""Questions without a period mean a sensible one, a time-lapse has one scale, and a failure leaves no file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeheat.config import load_config
from edgeheat.defs.history import Level
from edgeheat.history.heat_answer import answer_heat
from edgeheat.history.timelapse import Timelapse
from edgeheat.offline.history.heat import HeatJob, heat
from edgeheat.offline.history.question import Site, When
from edgeheat.store.history.store import HistoryStore
from tests.support.history_site import CONFIG, NOW_S, store_history


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.toml").write_text(CONFIG)
    store_history(folder / "storage")
    config = load_config(folder / "shop.toml", {})
    return Site.of(config, folder / "storage", NOW_S)


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ignore_progress(done: int, total: int) -> None:
    pass


def test_yesterday_is_meant_without_a_period(site: Site) -> None:
    result = heat(site, HeatJob("door", When()), ignore_progress)
    assert result.sentences == ("door, 2024-05-12: 4.0 h of 24.0 h observed; busiest zone: left",)
    assert [str(path) for path in result.written] == ["door_2024-05-12.png"]


def test_four_weeks_are_meant_by_a_profile_without_a_period(site: Site) -> None:
    result = heat(site, HeatJob("door", When(hours="9-13"), profile=True), ignore_progress)
    assert result.sentences[0].startswith("door, 2024-04-15 to 2024-05-12, 09:00-13:00: 80.0 h of 112.0 h observed")
    assert [str(path) for path in result.written] == ["door_2024-04-15_to_2024-05-12_0900-1300_profile.png"]


def test_a_camera_that_was_removed_from_the_configuration_keeps_its_history(site: Site) -> None:
    config = site.config.model_copy(update={"camera": site.config.camera[1:], "plan": ()})
    result = heat(replace(site, config=config), HeatJob("door", When()), ignore_progress)
    assert result.sentences == ("door, 2024-05-12: 4.0 h of 24.0 h observed; the camera has no zones",)


def test_hours_in_which_the_camera_was_off_are_shown_as_not_observed(site: Site) -> None:
    with HistoryStore(site.history, read_only=True) as store:
        params = site.camera_params("door", store)
        selection = site.selection(When("2024-04-30..2024-05-02", hours="10-12"))
        whole = answer_heat(store, params, selection, "traffic")
        hours = Timelapse.of(store, whole, Level.HOUR)
        tops_s = list(hours.tops_s())
        assert len(hours.parts) == 6 and tops_s[2:4] == [0, 0] and min(tops_s[:2]) > 0
        pictures = list(hours.pictures(max(tops_s)))
    assert (pictures[2] == pictures[3]).mean() > 0.99, "only the title differs"
    means = [picture[400:600, 100:400].mean() for picture in pictures]
    assert means[4] > means[0] > means[2] and tops_s[4] > tops_s[0], "one scale: a busier hour is brighter"


def test_a_time_lapse_that_is_interrupted_leaves_no_file(site: Site, tmp_path: Path) -> None:
    steps: Iterator[int] = iter(range(3))

    def interrupt(done: int, total: int) -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt

    job = HeatJob("door", When(hours="9-13"), outputs=(Path("a.png"),), timelapse=Path("lapse.mp4"))
    with pytest.raises(KeyboardInterrupt):
        heat(site, job, interrupt)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (hidden files count)
