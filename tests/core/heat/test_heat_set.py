"""All heats of a camera together: what is saved goes on as if nothing had happened."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import replace
from datetime import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.decaying import DecayingHeat
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.params import HeatParams, Measure, ZoneParams
from tests.core.counting import (
    ALL_KINDS,
    CELL,
    EVERY_HEAT,
    LEFT,
    SHAPE,
    TOP,
    WALL,
    ZONES,
    heats_of,
    increment,
    random_masks,
)

MEASURES: tuple[Measure, ...] = ("presence", "traffic", "dwell")


@given(
    seconds=st.lists(
        st.tuples(st.floats(1.0, 900.0), st.integers(0, 1000), st.sampled_from([0, 7, 45_000])),
        min_size=2,
        max_size=60,
    ),
    cut=st.integers(0, 59),
    shift_s=st.sampled_from([0.0, 12_345.0, -54_321.0]),
)
@settings(deadline=None)
def test_saving_and_restoring_equals_an_uninterrupted_run(
    seconds: list[tuple[float, int, int]], cut: int, shift_s: float
) -> None:
    whole, first, second = (heats_of(EVERY_HEAT) for _ in range(3))
    current, moved, at_s = first, 0.0, 0.0
    for number, (gap_s, traffic_ms, dwell_ms) in enumerate(seconds):
        if number == cut:
            empty, _ = second.restore(first.save({}), shift_s)
            assert empty == []
            current, moved = second, shift_s
        at_s += gap_s
        one = increment(at_s, traffic_ms, dwell_ms)
        whole.add(one)
        current.add(replace(one, mono_s=at_s + moved))
    for heat in EVERY_HEAT:
        wanted = whole.read(heat.name, at_s + 5, WALL + at_s + 5)
        got = current.read(heat.name, at_s + 5 + moved, WALL + at_s + 5)
        np.testing.assert_allclose(got.heat_s, wanted.heat_s, rtol=1e-5, atol=1e-6)
        assert got.observed_s == pytest.approx(wanted.observed_s, rel=1e-6)
        np.testing.assert_allclose(
            current.read_zone_counters(heat.name, at_s + 5 + moved, WALL + at_s + 5),
            whole.read_zone_counters(heat.name, at_s + 5, WALL + at_s + 5),
            rtol=1e-6,
        )


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), cut=st.integers(0, 59))
@settings(deadline=None)
def test_increments_that_travel_as_bytes_give_the_same_heats_elsewhere(seed: int, count: int, cut: int) -> None:
    here, there = heats_of(EVERY_HEAT), heats_of(EVERY_HEAT)
    masks = random_masks(seed, count)
    for number, mask in enumerate(masks):
        counted = [here.count(mask)]
        if number in (cut, count - 1):
            counted.append(here.close())
        for each in counted:
            if each is not None:
                there.add(type(each).unpack(each.pack()))
    now = masks[-1].mono_s, masks[-1].wall_s
    for heat in EVERY_HEAT:
        assert here.read(heat.name, *now).heat_s.tobytes() == there.read(heat.name, *now).heat_s.tobytes()
        assert here.read_zone_counters(heat.name, *now).tobytes() == there.read_zone_counters(heat.name, *now).tobytes()


def test_what_is_told_of_the_zones_is_what_a_total_of_them_holds() -> None:
    heats = heats_of((HeatParams("ever", "total"),))
    told = dict.fromkeys(ZONES.named, 0.0)
    for mask in random_masks(5, 200):
        heats.count(mask)
        for zone, seconds in heats.take_activity().dwell_cell_s.items():
            told[zone] += seconds
    kept = heats.read_zone_counters("ever", mask.mono_s, mask.wall_s)[:, Counter.DWELL_CELL_MS] / 1000
    assert list(told.values()) == pytest.approx(list(kept))
    assert min(kept) > 0


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("the length", replace(ALL_KINDS[1], length_s=7200.0)),
        ("the kind", HeatParams("hour", "decaying", 3600.0)),
        ("what it counts", replace(ALL_KINDS[1], measure="dwell")),
    ],
)
def test_a_heat_that_was_changed_starts_empty_and_the_others_go_on(what: str, changed: HeatParams) -> None:
    before = heats_of()
    before.add(increment(10.0, 1000, 5000))
    after = heats_of((ALL_KINDS[0], changed, *ALL_KINDS[2:], HeatParams("new", "window", 60.0)))
    empty, _ = after.restore(before.save({}), 0.0)
    assert empty == ["hour", "new"], what
    assert after.read("ever", 11.0, WALL).heat_s[CELL] == pytest.approx(6.0)
    assert after.read("hour", 11.0, WALL).heat_s[CELL] == 0.0


CHANGED_ZONES: list[tuple[str, tuple[ZoneParams, ...], dict[str, bool]]] = [
    ("nothing was changed", (LEFT, TOP), {"left": True, "top": True}),
    ("they change places", (TOP, LEFT), {"top": True, "left": True}),
    ("one is weighted anew", (replace(LEFT, weight=3.0), TOP), {"left": True, "top": True}),
    ("one is drawn anew", (replace(LEFT, polygon=TOP.polygon), TOP), {"left": False, "top": True}),
    ("one has a new name", (replace(LEFT, name="door"), TOP), {"door": False, "top": True}),
    ("one comes, one goes", (replace(TOP, name="shelf"), LEFT), {"shelf": False, "left": True}),
    ("a mask comes", (LEFT, ZoneParams("tv", "ignore", ((0.6, 0.6), (1, 0.6), (1, 1)))), {"left": True}),
    ("all are gone", (), {}),
]


@pytest.mark.parametrize(("what", "zones", "goes_on"), CHANGED_ZONES, ids=[each[0] for each in CHANGED_ZONES])
@pytest.mark.parametrize("travels", ["saved", "as increments"])
def test_figures_of_zones_that_are_still_the_same_go_on_and_the_others_start_empty(
    what: str, zones: tuple[ZoneParams, ...], goes_on: dict[str, bool], travels: str
) -> None:
    before = heats_of()
    counted = [increment(10.0 + age_s, 100, 200) for age_s in range(0, 300, 10)]
    after = heats_of(zones=ZoneMasks.from_params(zones, SHAPE[::-1]))
    if travels == "saved":
        for each in counted:
            before.add(each)
        empty, _ = after.restore(before.save({}), 0.0)
        assert empty == []
    else:
        for each in counted:
            after.add(type(each).unpack(each.pack()))
    assert list(after.zones.named) == ["all", *goes_on]
    for heat in ALL_KINDS:
        rows = after.read_zone_counters(heat.name, 310.0, WALL + 310.0)
        for row, known in zip(rows, [True, *goes_on.values()], strict=True):
            assert row.all() if known else not row.any()
        assert after.read(heat.name, 310.0, WALL + 310.0).heat_s[CELL] > 0
        assert rows[0, Counter.ENTRIES] == pytest.approx(30.0, abs=12.0)


def test_a_zone_that_was_added_later_is_measured_against_the_time_since() -> None:
    before = heats_of(zones=ZoneMasks.from_params((LEFT,), SHAPE[::-1]))
    before.add(increment(10.0, zones=before.zones))
    after = heats_of()
    after.restore(before.save({}), 0.0)
    after.add(increment(20.0))
    assert list(after.read_zone_counters("ever", 20.0, WALL)[:, Counter.OBSERVED_MS]) == [2000, 2000, 1000]


def test_arrays_of_others_are_kept_beside_the_heats_whatever_their_names() -> None:
    heats = heats_of((HeatParams("extra", "total"), HeatParams("meta", "total"), HeatParams("heat", "total")))
    heats.add(increment(10.0))
    extra: dict[str, NDArray[Any]] = {
        "meta": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "heat_ms": np.float32([[0.25]]),
        "epoch": np.array(3),
        "heat/heat_ms": np.zeros((0, 4), np.int64),
        "file": np.array([True, False]),
    }
    back = heats_of((HeatParams("extra", "total"), HeatParams("meta", "total"), HeatParams("heat", "total")))
    empty, kept = back.restore(heats.save(extra), 0.0)
    assert empty == []
    assert kept.keys() == extra.keys()
    for name, array in extra.items():
        assert kept[name].dtype == array.dtype
        np.testing.assert_array_equal(kept[name], array)
    assert [back.read(name, 10.0, WALL).heat_s[CELL] for name in ("extra", "meta", "heat")] == [1.0, 1.0, 1.0]


@given(st.data())
def test_damaged_saved_heats_are_refused(data: st.DataObject) -> None:
    heats = heats_of()
    heats.add(increment(10.0, 1000, 2000))
    saved = bytearray(heats.save({"scene": np.zeros(SHAPE, np.uint8)}))
    position = data.draw(st.integers(0, len(saved) - 1))
    if data.draw(st.booleans()):
        del saved[position:]
    else:
        saved[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match="damaged"):
        heats_of().restore(bytes(saved), 0.0)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"heat_ms": np.zeros(SHAPE)}, "recent does not fit"),
        ({"heat_ms": np.zeros(SHAPE), "zones": np.zeros((2, 6)), "meta": np.zeros(2)}, "zone rows: expected"),
        ({"heat_ms": np.zeros((2, 2)), "zones": np.zeros((3, 6)), "meta": np.zeros(2)}, "heat: expected"),
    ],
)
def test_saved_heats_that_lack_a_part_are_refused_like_damaged_ones(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, NDArray[Any]], reason: str
) -> None:
    monkeypatch.setattr(DecayingHeat, "state", lambda self: state)
    saved = heats_of().save({})
    with pytest.raises(ValueError, match=reason):
        heats_of().restore(saved, 0.0)


def test_heats_of_another_grid_are_refused() -> None:
    saved = heats_of().save({})
    assert HeatSet.saved_shape_hw(saved) == SHAPE
    with pytest.raises(ValueError, match="expected a grid"):
        heats_of(zones=ZoneMasks.from_params((), (4, 4))).restore(saved, 0.0)


# A window of presence is not kept where those of traffic and dwell are.

DAY = {of: HeatParams(of, "window", 6000.0, measure=of) for of in MEASURES}
SUM = (DAY["presence"], DAY["traffic"], DAY["dwell"])
COUNTED = [increment(90.0 * each, 777, 33_333 * (each % 2), observed_ms=9000) for each in range(1, 61)]
COUNTED_S = 60 * 0.777 + 30 * 33.333

CONFIGURATIONS: list[tuple[str, tuple[HeatParams, ...], tuple[HeatParams, ...], list[str]]] = [
    ("nothing was changed", SUM, SUM, []),
    ("in another order", SUM, SUM[::-1], []),
    ("the parts are gone", SUM, SUM[:1], []),
    ("one part is gone", SUM, SUM[:2], []),
    ("a part has a new name", SUM, (*SUM[:2], replace(SUM[2], name="staying")), ["staying"]),
    ("the parts are new", SUM[:1], SUM, ["traffic", "dwell"]),
    ("it is new, its parts are not", SUM[1:], SUM, []),
    ("it is new, and so is a part", SUM[1:2], SUM, ["presence", "dwell"]),
    ("it has a new name", SUM, (replace(SUM[0], name="day"), *SUM[1:]), []),
    ("all is new", (), SUM, ["presence", "traffic", "dwell"]),
]


@pytest.mark.parametrize(("what", "was", "now", "empty"), CONFIGURATIONS, ids=[each[0] for each in CONFIGURATIONS])
def test_presence_goes_on_whether_it_was_or_becomes_the_sum_of_traffic_and_dwell(
    what: str, was: tuple[HeatParams, ...], now: tuple[HeatParams, ...], empty: list[str]
) -> None:
    before, after = heats_of(was), heats_of(now)
    for each in COUNTED:
        before.add(each)
    assert after.restore(before.save({}), 0.0)[0] == empty
    again = heats_of(now)
    assert again.restore(after.save({}), 0.0)[0] == []
    at_s = COUNTED[-1].mono_s
    wanted_s = {"presence": COUNTED_S, "traffic": 60 * 0.777, "dwell": 30 * 33.333}
    for heats in (after, again):
        for heat in now:
            whole_s = 0.0 if heat.name in empty else wanted_s[heat.measure]
            grid = heats.read(heat.name, at_s, WALL + at_s)
            assert grid.heat_s[CELL] == pytest.approx(whole_s, rel=1e-6)
            assert grid.observed_s == (0.0 if heat.name in empty else 540.0)
            rows = heats.read_zone_counters(heat.name, at_s, WALL + at_s)
            assert list(rows[:, Counter.ENTRIES]) == [0.0 if heat.name in empty else 60.0] * 3
        for heat in now:
            assert heats.read(heat.name, at_s + 6200.0, WALL).heat_s[CELL] == 0.0


def test_presence_is_kept_beside_its_parts_only_until_traffic_and_dwell_reach_back_as_far() -> None:
    early, late = heats_of(SUM[:1]), heats_of(SUM)
    for each in COUNTED[:30]:
        early.add(each)
    late.restore(early.save({}), 0.0)
    for each in COUNTED[30:]:
        late.add(each)
    assert b"heat/presence/" in late.save({})
    for number in range(200):
        late.add(increment(6000.0 + 60.0 * number, observed_ms=9000))
    much_later = heats_of(SUM)
    assert much_later.restore(late.save({}), 0.0)[0] == []
    assert b"heat/presence/" not in much_later.save({})
    at_s = 6000.0 + 60.0 * 199
    presence, traffic = (much_later.read(name, at_s, WALL).heat_s[CELL] for name in ("presence", "traffic"))
    assert presence == traffic == pytest.approx(100.0, abs=3.0)


# What edgeheat wrote when each window was kept to the millisecond: format 2, its layout written out.


def saved_in_format_2(heats: dict[str, list[Any]]) -> bytes:
    """Windows in which CELL moved for 5.001 s and stayed for 60.003 s in a closed bucket, and again in the open one."""
    counted_ms = {"traffic": 5001, "dwell": 60_003, "presence": 65_004}
    meta = {"format": 2, "shape_hw": SHAPE, "heats": heats, "zones": ZONES.keys}
    arrays: dict[str, NDArray[Any]] = {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)}
    for name, (_, _, _, of) in heats.items():
        grid_ms = np.zeros(SHAPE, np.uint32)
        grid_ms[CELL] = counted_ms[of]
        bucket = zlib.compress(grid_ms.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes())
        window: dict[str, NDArray[Any]] = {
            f"heat/{name}/open_ms": grid_ms,
            f"heat/{name}/open": np.array([70_000.0, 190.0]),
            f"heat/{name}/starts_s": np.array([90.0]),
            f"heat/{name}/observed_ms": np.array([70_000]),
            f"heat/{name}/sizes": np.array([len(bucket)]),
            f"heat/{name}/packed": np.frombuffer(bucket, np.uint8),
            f"heat/{name}/zones": np.ones((2, 3, 6), np.int64),
        }
        arrays |= window
    arrays["extra/scene"] = np.full(SHAPE, 90, np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    npz = buffer.getvalue()
    return zlib.crc32(npz).to_bytes(4, "little") + npz


@pytest.mark.parametrize("kept", [SUM, SUM[:1], SUM[1:]], ids=["all", "presence", "the parts"])
def test_heats_of_format_2_go_on_to_the_millisecond(kept: tuple[HeatParams, ...]) -> None:
    heats = heats_of(kept)
    saved = saved_in_format_2({of: ["window", 6000.0, "None", of] for of in MEASURES})
    empty, extra = heats.restore(saved, 1000.0)
    assert (empty, list(extra)) == ([], ["scene"])
    wanted_s = {"traffic": 5.001, "dwell": 60.003, "presence": 65.004}
    for heat in kept:
        grid = heats.read(heat.name, 1200.0, WALL)
        assert grid.heat_s[CELL] == pytest.approx(2 * wanted_s[heat.measure], rel=1e-6)
        assert grid.observed_s == 140.0
        assert (heats.read_zone_counters(heat.name, 1200.0, WALL) == 2).all()
    for heat in kept:
        assert heats.read(heat.name, 7250.0, WALL).heat_s[CELL] == pytest.approx(wanted_s[heat.measure], rel=1e-6)
    assert b"heat/presence/" not in heats_with_all(saved).save({})


def heats_with_all(saved: bytes) -> HeatSet:
    heats = heats_of(SUM)
    heats.restore(saved, 0.0)
    return heats


# What edgeheat wrote before it told traffic and dwell: format 1, its layout written out.

FORMAT_1_HEATS = {
    "recent": ["decaying", 300.0, "None"],
    "hour": ["window", 3600.0, "None"],
    "ever": ["total", 0.0, "None"],
    "today": ["total", 0.0, "06:00:00"],
}


def saved_in_format_1(*, version: int = 1, scene: bool = True) -> bytes:
    """Heats in which CELL moved for 10 s up to 100.0 on the monotonic clock; the window's in two buckets of 5 s."""

    def moved_ms(milliseconds: int, dtype: type[Any]) -> NDArray[Any]:
        grid = np.zeros(SHAPE, dtype)
        grid[CELL] = milliseconds
        return grid

    bucket = zlib.compress(moved_ms(5000, np.uint32).astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes())
    meta = {"format": version, "shape_hw": SHAPE, "heats": FORMAT_1_HEATS}
    arrays: dict[str, NDArray[Any]] = {
        "recent/motion_ms": moved_ms(10_000, np.float64),
        "recent/meta": np.array([20_000.0, 100.0]),
        "hour/open_ms": moved_ms(5000, np.uint32),
        "hour/open": np.array([10_000.0, 90.0]),
        "hour/starts_s": np.array([30.0]),
        "hour/observed_ms": np.array([10_000]),
        "hour/sizes": np.array([len(bucket)]),
        "hour/packed": np.frombuffer(bucket, np.uint8),
        "ever/motion_ms": moved_ms(10_000, np.float64),
        "ever/meta": np.array([20_000.0, 80.0, np.inf]),
        "today/motion_ms": moved_ms(10_000, np.float64),
        "today/meta": np.array([20_000.0, 80.0, WALL + 50_000.0]),
        "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8),
    }
    if scene:
        arrays["scene"] = np.full(SHAPE, 90, np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    npz = buffer.getvalue()
    return zlib.crc32(npz).to_bytes(4, "little") + npz


@pytest.mark.parametrize("of", ["presence", "traffic"])
def test_heats_of_format_1_go_on_as_presence_or_traffic(of: Any) -> None:
    heats = heats_of(tuple(replace(kind, measure=of) for kind in ALL_KINDS))
    empty, extra = heats.restore(saved_in_format_1(), 1000.0)
    assert empty == []
    assert list(extra) == ["scene"] and (extra["scene"] == 90).all()
    heats.add(increment(1101.0, 1000, wall_s=WALL + 101.0))
    for kind in ALL_KINDS:
        grid = heats.read(kind.name, 1101.0, WALL + 101.0)
        assert grid.heat_s[CELL] == pytest.approx(11.0, rel=0.01), kind.name
        assert grid.observed_s == pytest.approx(21.0, rel=0.01), kind.name
        assert list(heats.read_zone_counters(kind.name, 1101.0, WALL + 101.0)[:, Counter.OBSERVED_MS]) == [1000] * 3
    assert heats.read("hour", 1040.0 + 3660.0, WALL).heat_s[CELL] == pytest.approx(6.0), "its buckets go as they came"


def test_heats_of_format_1_that_were_changed_or_count_dwell_start_empty() -> None:
    heats = heats_of(
        (
            HeatParams("recent", "decaying", 301.0),
            HeatParams("hour", "window", 3600.0, measure="dwell"),
            HeatParams("today", "total", since=time(7)),
            HeatParams("ever", "total"),
        )
    )
    empty, extra = heats.restore(saved_in_format_1(scene=False), 0.0)
    assert (empty, extra) == (["recent", "hour", "today"], {})


def test_heats_of_a_later_format_are_refused() -> None:
    with pytest.raises(ValueError, match="expected format 3, got 4"):
        heats_of().restore(saved_in_format_1(version=4), 0.0)
