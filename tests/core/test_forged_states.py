"""Saved states and increments with a valid checksum that were never written so are rejected, or do no harm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import HeatParams, ZoneParams
from tests.core import drawn
from tests.core.drawn import Look

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
HEATS = (HeatParams("minute", "window", 60.0), HeatParams("recent", "decaying", 300.0), HeatParams("total", "total"))
PARAMS = replace(drawn.params(), heats=HEATS, zones=(ZoneParams("left", "zone", LEFT),), history=True)


FORGED = (math.inf, -math.inf, math.nan, -1, 1e308, 2**62)
"""Numbers that no saved state holds, but for the infinite time of what has not happened yet."""


def forged_states(saved: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield saved states with a valid checksum that hold something that `save` never wrote, each with what that is."""
    meta, arrays = unpack(saved)
    for name, array in arrays.items():
        for number in FORGED:
            with np.errstate(invalid="ignore", over="ignore"):
                yield (
                    f"{name} = {number}",
                    pack(meta, {**arrays, name: np.full(array.shape, number, float).astype(array.dtype)}),
                )
        for shape in ((), (0,), (1,), (1, 1), (0, 3, 3), (*array.shape, 1)):
            for dtype in ("u1", "i8", "f8"):
                yield f"{name} of {dtype} {shape}", pack(meta, {**arrays, name: np.zeros(shape, dtype)})
        yield f"no {name}", pack(meta, {other: arrays[other] for other in arrays if other != name})
    for name in meta:
        for value in (None, [], {}, 3, "x", [-1, 5], [0, 0], [10**6, 10**6], [1e400, 1], {"minute": ["x", "y"]}):
            yield f"{name} = {value}", pack({**meta, name: value}, arrays)


def test_a_forged_state_is_restored_or_rejected_and_harms_nothing_later() -> None:
    frames = list(drawn.room().frames(lambda at_s: Look(blocks=(drawn.walker(at_s),)), 20))
    saved = drawn.count(frames, PARAMS).pipeline.save()
    assert saved is not None
    outcomes = set()
    for what, state in forged_states(saved):
        pipeline = CameraPipeline(PARAMS)
        try:
            pipeline.restore(state, [], 0.0)
        except ValueError:
            outcomes.add("rejected")
            continue
        try:
            for frame in frames[:8]:
                pipeline.step(replace(frame, mono_s=frame.mono_s + 30, wall_s=frame.wall_s + 30))
            assert pipeline.save() is not None and pipeline.snapshot(40.0, drawn.WALL_S + 40) is not None
            pipeline.close_tile_if_due(drawn.WALL_S + 3600)
        except Exception as error:
            raise AssertionError(f"{what}: {error!r}") from error
        outcomes.add("restored")
    assert outcomes == {"rejected", "restored"}


@pytest.mark.parametrize("name", ["observed_ms", "mono_s", "wall_s"])
@pytest.mark.parametrize("number", FORGED)
def test_a_forged_increment_is_added_or_rejected_and_harms_nothing_later(name: str, number: float) -> None:
    meta, arrays = unpack(Increment(np.ones(drawn.HW, np.uint16), None, 1000, 21.0, 0.0).pack())
    pipeline = CameraPipeline(PARAMS)
    try:
        pipeline.restore(None, [Increment.unpack(pack({**meta, name: number}, arrays))], 0.0)
    except ValueError:
        return
    pipeline.save()
    pipeline.heat("minute", 22.0, 1.0)


def test_an_increment_of_no_cells_is_rejected() -> None:
    empty = Increment(np.zeros((0, 5), np.uint16), None, 0, 0.0, 0.0).pack()
    with pytest.raises(ValueError, match="expected a grid"):
        Increment.unpack(empty)
