"""What a worker tells its parent."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import Pipe

import pytest

from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.messages import ProgressReport, Reset, ResetDone, StateSaved
from edgeheat.daemon.worker import Worker
from edgeheat.defs.params import ZoneParams
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic
from tests.daemon.conftest import spec


def test_what_a_saved_state_holds_is_not_sent_again_after_it() -> None:
    ours, theirs = Pipe()
    worker = Worker(theirs, spec("aisle"), SystemClock())
    url = "synthetic:shop?seed=1&size=160x90&fps=10&duration=6"
    for frame in open_synthetic(url, SourceOptions(clock=None)).frames():
        worker._pipeline.step(frame)
    worker._save()
    worker._report()
    saved, counted = ours.recv(), ours.recv()
    assert isinstance(saved, StateSaved) and isinstance(counted, ProgressReport)
    later = CameraPipeline(spec("aisle").params)
    later.restore(saved.saved, [Increment.unpack(packed) for packed in counted.increments], 0.0)
    grid = later.heat("total", 10.0, 0.0)
    assert grid is not None
    assert grid.observed_s == pytest.approx(5.0, abs=1.0)
    assert grid.observed_s <= counted.progress.observed_s


def test_what_is_told_of_the_zones_is_what_their_increments_hold() -> None:
    ours, theirs = Pipe()
    whole = ZoneParams("whole", "zone", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    params = replace(spec("aisle").params, zones=(whole,))
    worker = Worker(theirs, spec("aisle", params=params), SystemClock())
    url = "synthetic:shop?seed=1&size=160x90&fps=10&duration=12"
    for frame in open_synthetic(url, SourceOptions(clock=None)).frames():
        worker._pipeline.step(frame)
    worker._pipeline.flush()
    worker._report()
    counted = ours.recv()
    assert isinstance(counted, ProgressReport)
    told, rows = counted.progress, sum(Increment.unpack(each).zone_counters for each in counted.increments)
    for place, zone in enumerate(("all", "whole")):
        assert told.observed_s * 1000 == pytest.approx(rows[place, Counter.OBSERVED_MS])
        assert told.motion_s[zone] * 1000 == pytest.approx(rows[place, Counter.MOTION_MS])
        assert told.active_s[zone] * 1000 == pytest.approx(rows[place, Counter.ACTIVE_MS])
        assert told.cell_seconds[zone] * 1000 == pytest.approx(rows[place, Counter.TRAFFIC_CELL_MS])
        assert told.dwell_cell_s[zone] * 1000 == pytest.approx(rows[place, Counter.DWELL_CELL_MS])
        assert told.entries[zone] == rows[place, Counter.ENTRIES] >= 1
        assert 0 < told.active_s[zone] <= told.observed_s


def test_a_reset_is_answered_after_the_state_that_it_left_also_where_there_is_none() -> None:
    ours, theirs = Pipe()
    worker = Worker(theirs, spec("aisle"), SystemClock())
    reset = Reset(flicker=True, moved=False, heat=True)
    worker._execute(reset)
    assert ours.recv() == ResetDone(reset)
    for frame in open_synthetic(
        "synthetic:shop?seed=1&size=160x90&fps=10&duration=3", SourceOptions(clock=None)
    ).frames():
        worker._pipeline.step(frame)
    worker._execute(reset)
    assert isinstance(ours.recv(), StateSaved)
    assert ours.recv() == ResetDone(reset)
