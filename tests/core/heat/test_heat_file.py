"""Saved heats continue as if nothing had happened, also under another configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.core.heat.zone_statistics import zone_statistics
from edgeheat.defs.events import ZoneHeat
from edgeheat.defs.params import HeatParams, ZoneParams
from tests.core.counting import (
    ALL_KINDS,
    CELL,
    EVERY_HEAT,
    LEFT,
    MEASURES,
    SHAPE,
    TOP,
    WALL,
    heats_of,
    increment,
)


@given(
    seconds=st.lists(
        st.tuples(st.floats(1.0, 900.0), st.integers(0, 1000), st.sampled_from([0, 7, 45_000])),
        min_size=2,
        max_size=60,
    ),
    cut=st.integers(0, 59),
    shift_s=st.sampled_from([0.0, 12_345.0, -54_321.0]),
)
def test_saving_and_restoring_equals_an_uninterrupted_run(
    seconds: list[tuple[float, int, int]], cut: int, shift_s: float
) -> None:
    whole, first, second = (heats_of(EVERY_HEAT) for _ in range(3))
    current, shifted_by_s, at_s = first, 0.0, 0.0
    for number, (gap_s, traffic_ms, dwell_ms) in enumerate(seconds):
        if number == cut:
            empty, _ = heat_file.restore(second, heat_file.save(first, {}), shift_s)
            assert empty == []
            current, shifted_by_s = second, shift_s
        at_s += gap_s
        one = increment(at_s, traffic_ms, dwell_ms)
        whole.add(one)
        current.add(replace(one, mono_s=at_s + shifted_by_s))
    for heat in EVERY_HEAT:
        wanted = whole.read(heat.name, at_s + 5, WALL + at_s + 5)
        got = current.read(heat.name, at_s + 5 + shifted_by_s, WALL + at_s + 5)
        np.testing.assert_allclose(got.heat_s, wanted.heat_s, rtol=1e-5, atol=1e-6)
        assert got.observed_s == pytest.approx(wanted.observed_s, rel=1e-6)
        np.testing.assert_allclose(
            current.read_zone_counters(heat.name, at_s + 5 + shifted_by_s, WALL + at_s + 5),
            whole.read_zone_counters(heat.name, at_s + 5, WALL + at_s + 5),
            rtol=1e-6,
        )


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("the length", replace(ALL_KINDS[1], length_s=7200.0)),
        ("the kind", HeatParams("hour", "decaying", 3600.0)),
        ("the measure", replace(ALL_KINDS[1], measure="dwell")),
    ],
)
def test_a_heat_that_was_changed_starts_empty_and_the_others_continue(what: str, changed: HeatParams) -> None:
    before = heats_of()
    before.add(increment(10.0, 1000, 5000))
    after = heats_of((ALL_KINDS[0], changed, *ALL_KINDS[2:], HeatParams("new", "window", 60.0)))
    empty, _ = heat_file.restore(after, heat_file.save(before, {}), 0.0)
    assert empty == ["hour", "new"], what
    assert after.read("ever", 11.0, WALL).heat_s[CELL] == pytest.approx(6.0)
    assert after.read("hour", 11.0, WALL).heat_s[CELL] == 0.0


CHANGED_ZONES: list[tuple[str, tuple[ZoneParams, ...], dict[str, bool]]] = [
    ("nothing was changed", (LEFT, TOP), {"left": True, "top": True}),
    ("another order", (TOP, LEFT), {"top": True, "left": True}),
    ("another weight", (replace(LEFT, weight=3.0), TOP), {"left": True, "top": True}),
    ("another polygon", (replace(LEFT, polygon=TOP.polygon), TOP), {"left": False, "top": True}),
    ("another name", (replace(LEFT, name="door"), TOP), {"door": False, "top": True}),
    ("one added, one removed", (replace(TOP, name="shelf"), LEFT), {"shelf": False, "left": True}),
    ("a mask added", (LEFT, ZoneParams("tv", "ignore", ((0.6, 0.6), (1, 0.6), (1, 1)))), {"left": True}),
    ("all removed", (), {}),
]


@pytest.mark.parametrize(("what", "zones", "continues"), CHANGED_ZONES, ids=[case[0] for case in CHANGED_ZONES])
@pytest.mark.parametrize("way", ["saved", "as increments"])
def test_counters_of_unchanged_zones_continue_and_those_of_others_start_empty(
    what: str, zones: tuple[ZoneParams, ...], continues: dict[str, bool], way: str
) -> None:
    before = heats_of()
    counted = [increment(10.0 + age_s, 100, 200) for age_s in range(0, 300, 10)]
    after = heats_of(zones=ZoneMasks.from_params(zones, SHAPE[::-1]))
    if way == "saved":
        for second in counted:
            before.add(second)
        empty, _ = heat_file.restore(after, heat_file.save(before, {}), 0.0)
        assert empty == []
    else:
        for second in counted:
            after.add(type(second).unpack(second.pack()))
    assert list(after.zones.named) == ["all", *continues]
    for heat in ALL_KINDS:
        counters = after.read_zone_counters(heat.name, 310.0, WALL + 310.0)
        for zone_counters, known in zip(counters, [True, *continues.values()], strict=True):
            assert zone_counters.all() if known else not zone_counters.any()
        assert after.read(heat.name, 310.0, WALL + 310.0).heat_s[CELL] > 0
        assert counters[0, Counter.ENTRIES] == pytest.approx(30.0, abs=12.0)


def test_a_zone_that_was_added_later_has_an_observed_time_of_its_own() -> None:
    before = heats_of(zones=ZoneMasks.from_params((LEFT,), SHAPE[::-1]))
    before.add(increment(10.0, zones=before.zones))
    after = heats_of()
    heat_file.restore(after, heat_file.save(before, {}), 0.0)
    after.add(increment(20.0))
    assert list(after.read_zone_counters("ever", 20.0, WALL)[:, Counter.OBSERVED_MS]) == [2000, 2000, 1000]


def whole_zone(heats: HeatSet, name: str, zone: str, at_s: float) -> ZoneHeat:
    """The statistics of one heat in one zone."""
    wall_s = WALL + at_s
    statistics = zone_statistics(
        heats.zones,
        heats.read(name, at_s, wall_s),
        heats.read_zone_counters(name, at_s, wall_s),
        lambda row: heats.read_since_drawn(name, row, at_s, wall_s),
    )
    return next(each for each in statistics if each.zone == zone)


@pytest.mark.parametrize("times", [1, 2], ids=["after the zone was drawn", "and after another restart"])
def test_sum_and_peak_of_a_zone_are_of_the_time_since_it_was_drawn_like_its_counters(times: int) -> None:
    before = heats_of(EVERY_HEAT, ZoneMasks.from_params((LEFT,), SHAPE[::-1]))
    for at_s in range(10, 200, 10):
        before.add(increment(float(at_s), 900, 700, zones=before.zones))
    heats = before
    for _ in range(times):
        after = heats_of(EVERY_HEAT)
        heat_file.restore(after, heat_file.save(heats, {}), 0.0)
        after.start_zones(heats.zones.keys)
        heats = after
    heats.add(increment(200.0, 60, 30))
    for heat in EVERY_HEAT:
        counted_s = {"presence": 0.09, "traffic": 0.06, "dwell": 0.03}[heat.measure]
        top, left = (whole_zone(heats, heat.name, zone, 200.0) for zone in ("top", "left"))
        assert top.cell_seconds == pytest.approx(counted_s, abs=1e-5), heat.name
        assert top.peak_s == pytest.approx(counted_s, abs=1e-5)
        assert left.peak_s > 5 * counted_s, "an older zone keeps its peak"


def test_a_zone_that_is_as_old_as_the_window_by_now_has_all_of_it() -> None:
    before = heats_of(zones=ZoneMasks.from_params((LEFT,), SHAPE[::-1]))
    before.add(increment(10.0, zones=before.zones))
    after = heats_of()
    heat_file.restore(after, heat_file.save(before, {}), 0.0)
    after.start_zones(before.zones.keys)
    for at_s in range(100, 4000, 100):
        after.add(increment(float(at_s)))
    for name in ("recent", "hour"):
        assert whole_zone(after, name, "top", 4000.0).peak_s == after.read(name, 4000.0, WALL + 4000).heat_s[CELL]


def test_extra_arrays_are_restored_whatever_their_names() -> None:
    totals = tuple(HeatParams(name, "total") for name in ("extra", "meta", "heat"))
    heats, back = heats_of(totals), heats_of(totals)
    heats.add(increment(10.0))
    extra: dict[str, NDArray[Any]] = {
        "meta": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "heat_ms": np.float32([[0.25]]),
        "epoch": np.array(3),
        "heat/heat_ms": np.zeros((0, 4), np.int64),
        "file": np.float16([0.5, np.nan]),
    }
    empty, kept = heat_file.restore(back, heat_file.save(heats, extra), 0.0)
    assert empty == []
    assert kept.keys() == extra.keys()
    for name, array in extra.items():
        assert kept[name].dtype == array.dtype
        np.testing.assert_array_equal(kept[name], array)
    assert [back.read(name, 10.0, WALL).heat_s[CELL] for name in ("extra", "meta", "heat")] == [1.0, 1.0, 1.0]


@given(st.data())
def test_damaged_saved_heats_are_rejected(data: st.DataObject) -> None:
    heats = heats_of()
    heats.add(increment(10.0, 1000, 2000))
    saved = bytearray(heat_file.save(heats, {"scene": np.zeros(SHAPE, np.uint8)}))
    position = data.draw(st.integers(0, len(saved) - 1))
    if data.draw(st.booleans()):
        del saved[position:]
    else:
        saved[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match="packed arrays"):
        heat_file.restore(heats_of(), bytes(saved), 0.0)
    with pytest.raises(ValueError, match="packed arrays"):
        heat_file.saved_shape_hw(bytes(saved))


Meta = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


def without(array: str) -> Callable[[Meta, Arrays], None]:
    return lambda _, arrays: arrays.__delitem__(array)


def with_array(name: str, array: NDArray[Any]) -> Callable[[Meta, Arrays], None]:
    return lambda _, arrays: arrays.__setitem__(name, array)


def with_meta(name: str, value: object) -> Callable[[Meta, Arrays], None]:
    return lambda meta, _: meta.__setitem__(name, value)


@pytest.mark.parametrize(
    ("what", "change", "reason"),
    [
        ("a missing grid", without("heat/recent/heat_ms"), "recent does not fit"),
        ("missing times", with_array("heat/ever/meta", np.zeros(1)), "ever does not fit"),
        ("a grid of another shape", with_array("heat/recent/heat_ms", np.zeros((2, 2), np.float32)), "heat: expected"),
        ("a grid of another dtype", with_array("heat/recent/heat_ms", np.zeros(SHAPE)), "heat: expected float32"),
        ("counters of fewer zones", with_array("heat/recent/zone_counters", np.zeros((2, 6))), "zone counters: exp"),
        ("a broken bucket", with_array("heat/hour/packed", np.full(5, 9, np.uint8)), "window: expected"),
        ("another grid", with_meta("shape_hw", [4, 4]), "expected a grid"),
        ("no shape", with_meta("shape_hw", None), "unreadable description"),
        ("half a shape", with_meta("shape_hw", [4]), "unreadable description"),
        ("an endless shape", with_meta("shape_hw", [4, float("inf")]), "unreadable description"),
        ("no heats", with_meta("heats", 7), "unreadable description"),
        ("sums without parts", with_meta("sums", {"hour": []}), "unreadable description"),
        ("a sum of unknown parts", with_meta("sums", {"hour": ["a", "b"]}), "hour does not fit"),
        ("a key that is no number", with_meta("zone_keys", ["x"]), "unreadable description"),
    ],
)
def test_saved_heats_that_do_not_fit_together_are_rejected(
    what: str, change: Callable[[Meta, Arrays], None], reason: str
) -> None:
    heats = heats_of()
    heats.add(increment(10.0))
    heats.add(increment(100.0))
    meta, arrays = unpack(heat_file.save(heats, {}))
    assert heat_file.restore(heats_of(), pack(meta, arrays), 0.0) == ([], {})
    change(meta, arrays)
    with pytest.raises(ValueError, match=reason):
        heat_file.restore(heats_of(), pack(meta, arrays), 0.0)


def test_saved_heats_name_their_grid_and_are_rejected_on_another() -> None:
    saved = heat_file.save(heats_of(), {})
    assert heat_file.saved_shape_hw(saved) == SHAPE
    with pytest.raises(ValueError, match="expected a grid"):
        heat_file.restore(heats_of(zones=ZoneMasks.from_params((), (4, 4))), saved, 0.0)


def test_other_packed_arrays_are_rejected() -> None:
    with pytest.raises(ValueError, match="unreadable description"):
        heat_file.saved_shape_hw(increment(10.0).pack())


# A window of presence that is read as the sum of those of traffic and dwell.

DAY = {measure: HeatParams(measure, "window", 6000.0, measure=measure) for measure in MEASURES}
SUM = (DAY["presence"], DAY["traffic"], DAY["dwell"])
COUNTED = [increment(90.0 * number, 777, 33_333 * (number % 2), observed_ms=9000) for number in range(1, 61)]
COUNTED_S = 60 * 0.777 + 30 * 33.333

CONFIGURATIONS: list[tuple[str, tuple[HeatParams, ...], tuple[HeatParams, ...], list[str]]] = [
    ("nothing was changed", SUM, SUM, []),
    ("another order", SUM, SUM[::-1], []),
    ("both parts removed", SUM, SUM[:1], []),
    ("one part removed", SUM, SUM[:2], []),
    ("a part renamed", SUM, (*SUM[:2], replace(SUM[2], name="staying")), ["staying"]),
    ("both parts added", SUM[:1], SUM, ["traffic", "dwell"]),
    ("presence added", SUM[1:], SUM, []),
    ("presence and a part added", SUM[1:2], SUM, ["presence", "dwell"]),
    ("presence renamed", SUM, (replace(SUM[0], name="day"), *SUM[1:]), []),
    ("all added", (), SUM, ["presence", "traffic", "dwell"]),
]


@pytest.mark.parametrize(("what", "was", "now", "empty"), CONFIGURATIONS, ids=[case[0] for case in CONFIGURATIONS])
def test_presence_continues_whether_it_was_or_becomes_the_sum_of_traffic_and_dwell(
    what: str, was: tuple[HeatParams, ...], now: tuple[HeatParams, ...], empty: list[str]
) -> None:
    before, after = heats_of(was), heats_of(now)
    for second in COUNTED:
        before.add(second)
    assert heat_file.restore(after, heat_file.save(before, {}), 0.0)[0] == empty
    again = heats_of(now)
    assert heat_file.restore(again, heat_file.save(after, {}), 0.0)[0] == []
    at_s = COUNTED[-1].mono_s
    wanted_s = {"presence": COUNTED_S, "traffic": 60 * 0.777, "dwell": 30 * 33.333}
    for heats in (after, again):
        for heat in now:
            whole_s = 0.0 if heat.name in empty else wanted_s[heat.measure]
            grid = heats.read(heat.name, at_s, WALL + at_s)
            assert grid.heat_s[CELL] == pytest.approx(whole_s, rel=1e-6)
            assert grid.observed_s == (0.0 if heat.name in empty else 540.0)
            counters = heats.read_zone_counters(heat.name, at_s, WALL + at_s)
            assert list(counters[:, Counter.ENTRIES]) == [0.0 if heat.name in empty else 60.0] * 3
        for heat in now:
            assert heats.read(heat.name, at_s + 6200.0, WALL).heat_s[CELL] == 0.0


def saved_heats(saved: bytes) -> set[str]:
    return {name.split("/")[1] for name in unpack(saved)[1]}


def test_presence_keeps_its_own_buckets_until_traffic_and_dwell_cover_the_same_time() -> None:
    early, late = heats_of(SUM[:1]), heats_of(SUM)
    for second in COUNTED[:30]:
        early.add(second)
    heat_file.restore(late, heat_file.save(early, {}), 0.0)
    for second in COUNTED[30:]:
        late.add(second)
    assert saved_heats(heat_file.save(late, {})) == {"presence", "traffic", "dwell"}
    for number in range(200):
        late.add(increment(6000.0 + 60.0 * number, observed_ms=9000))
    much_later = heats_of(SUM)
    assert heat_file.restore(much_later, heat_file.save(late, {}), 0.0)[0] == []
    assert saved_heats(heat_file.save(much_later, {})) == {"traffic", "dwell"}
    at_s = 6000.0 + 60.0 * 199
    presence, traffic = (much_later.read(name, at_s, WALL).heat_s[CELL] for name in ("presence", "traffic"))
    assert presence == traffic == pytest.approx(100.0, abs=3.0)


def test_presence_stays_a_sum_of_parts_that_differ_by_less_than_a_bucket() -> None:
    traffic_only, both = heats_of(SUM[1:2]), heats_of(SUM)
    traffic_only.add(increment(10.0, observed_ms=9000))
    heat_file.restore(both, heat_file.save(traffic_only, {}), 0.0)
    both.add(increment(20.0, observed_ms=9000))
    saved = heat_file.save(both, {})
    assert saved_heats(saved) == {"presence", "traffic", "dwell"}
    for _ in range(3):
        again = heats_of(SUM)
        heat_file.restore(again, saved, 0.0)
        saved = heat_file.save(again, {})
        assert saved_heats(saved) == {"traffic", "dwell"}
