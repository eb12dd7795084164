"""The scene of an epoch is that of the history, without what is private now."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import cv2
import numpy as np

from edgeheat.defs.history import EpochBackdrop
from edgeheat.defs.params import PipelineParams, ZoneParams
from edgeheat.history.backdrop import read_backdrop
from edgeheat.store.history.store import HistoryStore

LEFT = ZoneParams("desk", "privacy", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))


def test_the_stored_scene_is_read_and_present_privacy_zones_are_black(tmp_path: Path) -> None:
    _, jpeg = cv2.imencode(".jpg", np.full((90, 160, 3), 200, np.uint8))
    with HistoryStore(tmp_path / "history.sqlite3") as store:
        store.set_backdrop(EpochBackdrop("door", 2, 0.0, jpeg.tobytes()))
        scene = read_backdrop(store, PipelineParams("door", UTC), 2)
        assert scene is not None and scene.shape == (90, 160, 3) and scene.min() > 190
        scene = read_backdrop(store, PipelineParams("door", UTC, zones=(LEFT,)), 2)
        assert scene is not None
        assert scene[:, :80].max() == 0 and scene[:, 82:].min() > 190


def test_without_a_stored_or_readable_scene_there_is_none(tmp_path: Path) -> None:
    with HistoryStore(tmp_path / "history.sqlite3") as store:
        store.set_backdrop(EpochBackdrop("door", 1, 0.0, b"\xff\xd8 damaged"))
        assert [read_backdrop(store, PipelineParams("door", UTC), epoch) for epoch in (1, 2)] == [None, None]
