"""What a worker tells its parent."""

from __future__ import annotations

from multiprocessing import Pipe

import pytest

from edgeheat.core.increment import Increment
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.messages import Counted, Saved
from edgeheat.daemon.worker import Worker
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
    worker._tell()
    saved, counted = ours.recv(), ours.recv()
    assert isinstance(saved, Saved) and isinstance(counted, Counted)
    later = CameraPipeline(spec("aisle").params)
    later.restore(saved.saved, [Increment.unpack(packed) for packed in counted.increments], 0.0)
    grid = later.heat("total", 10.0, 0.0)
    assert grid is not None
    assert grid.observed_s == pytest.approx(5.0, abs=1.0)
    assert grid.observed_s <= counted.progress.observed_s
