"""The JSON statistics of snapshots, the same on disk and over MQTT."""

from __future__ import annotations

import pytest

from edgeheat.sinks.payload import heat_fields, plan_fields, to_json, units, utc_text
from tests.sinks.events import NOON_S, plan_snapshot, snapshot


def test_an_instant_is_utc_to_the_second() -> None:
    assert utc_text(NOON_S + 0.9) == "2026-11-21T12:00:00Z"


def test_json_is_compact_utf_8_and_rejects_what_json_cannot_express() -> None:
    assert to_json({"zone": "tür", "n": [1, 2.5]}) == '{"zone":"tür","n":[1,2.5]}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"mean_s": float("nan")})


def test_a_plan_has_its_size_its_cells_and_the_share_that_is_seen() -> None:
    assert plan_fields(plan_snapshot()) == {"plan": {"size_m": [11.0, 10.0], "cell_m2": 0.001181, "seen_ratio": 0.9783}}
    assert plan_fields(snapshot()) == {}


def test_exactly_the_figures_of_a_plan_are_explained() -> None:
    taken = plan_snapshot()
    figures = heat_fields(taken, taken.heats[0])
    zone = figures["zones"]["all"]  # type: ignore[index]
    assert "entries" not in zone and "active_s" not in zone
    named = {*figures, *zone, *plan_fields(taken)["plan"], "epoch"} - {"zones", "kind"}  # type: ignore[misc]
    assert set(units(taken)) == named
