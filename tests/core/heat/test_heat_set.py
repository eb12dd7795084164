"""All heats of a camera together: each counts its measure, and the zone counters agree with the grids."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.heat_set import HeatSet, make_heat
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.params import HeatParams, Measure
from tests.core.counting import (
    ALL_KINDS,
    CELL,
    EVERY_HEAT,
    MEASURES,
    SHAPE,
    WALL,
    ZONES,
    cell_s,
    heats_of,
    increment,
    mask_of,
    random_masks,
)


@pytest.mark.parametrize(("measure", "seconds"), [("presence", 31.0), ("traffic", 1.0), ("dwell", 30.0)])
@pytest.mark.parametrize("params", ALL_KINDS, ids=lambda params: params.name)
def test_a_heat_counts_its_measure_and_its_zone_counters_count_everything(
    params: HeatParams, measure: Measure, seconds: float
) -> None:
    heat = make_heat(replace(params, measure=measure), SHAPE, len(ZONES.keys), UTC)
    heat.add(increment(10.0, 1000, 30_000))
    assert cell_s(heat, 10.0) == seconds
    counters = heat.read_zone_counters(10.0, WALL + 10.0)[0]
    assert (counters[Counter.TRAFFIC_CELL_MS], counters[Counter.DWELL_CELL_MS]) == (1000, 30_000)


def assert_presence_is_traffic_and_dwell(heats: HeatSet, at_s: float) -> None:
    for kind in ALL_KINDS:
        presence, traffic, dwell = (
            heats.read(f"{kind.name}-{measure}", at_s, WALL + at_s) for measure in ("presence", "traffic", "dwell")
        )
        np.testing.assert_allclose(presence.heat_s, traffic.heat_s + dwell.heat_s, rtol=1e-6, atol=1e-9)
        assert presence.observed_s == traffic.observed_s == dwell.observed_s


@given(
    seconds=st.lists(
        st.tuples(st.floats(1.0, 900.0), st.integers(0, 1000), st.sampled_from([0, 0, 1, 45_000, 300_000])),
        min_size=1,
        max_size=40,
    ),
    wait_s=st.floats(0.0, 5000.0),
)
def test_presence_is_the_sum_of_traffic_and_dwell_for_every_kind_of_heat_at_any_instant(
    seconds: list[tuple[float, int, int]], wait_s: float
) -> None:
    heats, at_s = heats_of(EVERY_HEAT), 0.0
    for gap_s, traffic_ms, dwell_ms in seconds:
        at_s += gap_s
        heats.add(increment(at_s, traffic_ms, dwell_ms))
        assert_presence_is_traffic_and_dwell(heats, at_s)
    assert_presence_is_traffic_and_dwell(heats, at_s + wait_s)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 40))
@settings(max_examples=40)
def test_zone_counters_are_the_sums_over_the_cells_also_within_a_second(seed: int, count: int) -> None:
    heats = heats_of(EVERY_HEAT)
    for mask in random_masks(seed, count):
        heats.count(mask)
        now = mask.mono_s, mask.wall_s
        assert_presence_is_traffic_and_dwell(heats, mask.mono_s)
        for kind in ALL_KINDS:
            counters = heats.read_zone_counters(f"{kind.name}-presence", *now)
            for measure, column in (("traffic", Counter.TRAFFIC_CELL_MS), ("dwell", Counter.DWELL_CELL_MS)):
                heat_s = heats.read(f"{kind.name}-{measure}", *now).heat_s
                sums = [heat_s[cells > 0].sum(dtype=np.float64) for cells in ZONES.named.values()]
                assert counters[:, column] / 1000 == pytest.approx(sums, rel=1e-5, abs=1e-6)


def test_reading_includes_the_unfinished_second_and_changes_nothing() -> None:
    heats = heats_of()
    cells = np.full(SHAPE, 255, np.uint8)
    heats.count(mask_of(cells, 10.0, 0.4))
    for _ in range(2):
        for kind in ALL_KINDS:
            assert heats.read(kind.name, 10.0, WALL).heat_s[0, 0] == pytest.approx(0.4)
            assert heats.read_zone_counters(kind.name, 10.0, WALL)[0, Counter.ACTIVE_MS] == pytest.approx(400)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), cut=st.integers(0, 59))
def test_packed_increments_give_the_same_heats_in_another_process(seed: int, count: int, cut: int) -> None:
    here, there = heats_of(EVERY_HEAT), heats_of(EVERY_HEAT)
    masks = random_masks(seed, count)
    for number, mask in enumerate(masks):
        counted = [here.count(mask)]
        if number in (cut, count - 1):
            counted.append(here.close())
        for second in counted:
            if second is not None:
                there.add(type(second).unpack(second.pack()))
    now = masks[-1].mono_s, masks[-1].wall_s
    for heat in EVERY_HEAT:
        assert here.read(heat.name, *now).heat_s.tobytes() == there.read(heat.name, *now).heat_s.tobytes()
        assert here.read_zone_counters(heat.name, *now).tobytes() == there.read_zone_counters(heat.name, *now).tobytes()


def test_the_activity_of_the_zones_adds_up_to_the_counters_of_a_total() -> None:
    heats = heats_of((HeatParams("ever", "total"),))
    reported = dict.fromkeys(ZONES.named, 0.0)
    for mask in random_masks(5, 200):
        heats.count(mask)
        for zone, seconds in heats.take_activity().dwell_cell_s.items():
            reported[zone] += seconds
    kept = heats.read_zone_counters("ever", mask.mono_s, mask.wall_s)[:, Counter.DWELL_CELL_MS] / 1000
    assert list(reported.values()) == pytest.approx(list(kept))
    assert min(kept) > 0


def test_an_increment_of_another_grid_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"expected a grid of \(4, 4\)"):
        heats_of(zones=ZoneMasks.from_params((), (4, 4))).add(increment(10.0))


def test_presence_takes_no_memory_where_traffic_and_dwell_of_the_same_length_are_kept() -> None:
    day = tuple(HeatParams(measure, "window", 6000.0, measure=measure) for measure in MEASURES)
    assert heats_of(day).states().keys() == {"traffic", "dwell"}
    assert heats_of(day[:2]).states().keys() == {"presence", "traffic"}
    longer = replace(day[2], length_s=7000.0)
    assert heats_of((*day[:2], longer)).states().keys() == {"presence", "traffic", "dwell"}
    decaying = tuple(replace(heat, kind="decaying") for heat in day)
    assert heats_of(decaying).states().keys() == {"presence", "traffic", "dwell"}


def test_a_heat_can_be_replaced_by_a_state_or_by_nothing() -> None:
    heats, others = heats_of(), heats_of()
    others.add(increment(10.0, 1000, 2000))
    for name, state in others.states().items():
        heats.restore(name, state, 100.0)
    assert [float(heats.read(kind.name, 110.0, WALL + 10).heat_s[CELL]) for kind in ALL_KINDS] == [3.0] * 4
    heats.restore("ever", None, 0.0)
    assert [float(heats.read(kind.name, 110.0, WALL + 10).heat_s[CELL]) for kind in ALL_KINDS] == [3.0, 3.0, 0.0, 3.0]
