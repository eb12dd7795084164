"""The Grafana board: every expression gives data, and the rules of Grafana's dashboard linter are kept."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import httpx
import pytest

from edgeheat.defs.events import HealthVerdict
from edgeheat.sinks.metrics import MetricsSink

from .conftest import DEPLOY

BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "edgeheat.json").read_text(encoding="utf-8"))
VARIABLES: dict[str, dict[str, Any]] = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERY_PANELS = [panel for panel in PANELS if panel["type"] != "text"]
TARGETS = [
    pytest.param(target["expr"], id=f"{panel['title']}/{target['refId']}")
    for panel in QUERY_PANELS
    for target in panel["targets"]
]
EVERY_PANEL = pytest.mark.parametrize("panel", [pytest.param(panel, id=panel["title"]) for panel in PANELS])
EVERY_QUERY_PANEL = pytest.mark.parametrize("panel", [pytest.param(panel, id=panel["title"]) for panel in QUERY_PANELS])


def substituted(expression: str) -> str:
    """The expression as Grafana would send it with every variable on All."""
    for name, text in {"__rate_interval": "1m", "job": ".+", "instance": ".+", "camera": ".+"}.items():
        expression = expression.replace(f"${name}", text)
    assert "$" not in expression
    return expression


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("expression", TARGETS)
def test_every_expression_gives_data(expression: str, prometheus: httpx.Client) -> None:
    answer = prometheus.get("/query", params={"query": substituted(expression)}).json()
    assert answer["status"] == "success", answer
    values = [float(series["value"][1]) for series in answer["data"]["result"]]
    assert values
    assert any(value == value for value in values), "nothing but NaN"  # noqa: PLR0124 - NaN differs from itself


@pytest.mark.real("prometheus")
@pytest.mark.parametrize(("name", "expected"), [("job", "edgeheat"), ("instance", None), ("camera", "entrance")])
def test_every_variable_offers_its_values(
    name: str, expected: str | None, prometheus: httpx.Client, edgeheat_address: str
) -> None:
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", VARIABLES[name]["query"]["query"])
    assert found is not None
    answer = prometheus.get(f"/label/{found[2]}/values", params={"match[]": substituted(found[1])}).json()
    assert answer["data"] == [expected or edgeheat_address]


def test_one_data_source_is_chosen_by_a_variable_named_as_people_expect() -> None:
    chosen = [variable for variable in VARIABLES.values() if variable["type"] == "datasource"]
    assert [(variable["name"], variable["label"], variable["query"]) for variable in chosen] == [
        ("datasource", "Data source", "prometheus")
    ]


@pytest.mark.parametrize("name", ["job", "instance", "camera"])
def test_the_filters_take_several_values_all_by_default_and_follow_the_time_range(name: str) -> None:
    variable = VARIABLES[name]
    assert variable["datasource"]["uid"] == "${datasource}"
    assert (variable["multi"], variable["includeAll"], variable["allValue"], variable["refresh"]) == (
        True,
        True,
        ".+",
        2,
    )


@EVERY_PANEL
def test_every_panel_has_a_title_and_a_description(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")


@EVERY_QUERY_PANEL
def test_every_panel_has_a_unit_and_the_chosen_data_source(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for asked in (panel, *panel["targets"]):
        assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("expression", TARGETS)
def test_every_selector_is_filtered_and_every_counter_is_read_as_a_rate(expression: str) -> None:
    selectors = re.findall(r"((?:edgeheat|process)_\w+)(\{[^}]*\})?(\[[^]]*\])?", expression)
    assert selectors
    for metric, matchers, period in selectors:
        assert 'job=~"$job"' in matchers
        assert 'instance=~"$instance"' in matchers
        assert period in ("", "[$__rate_interval]")
        counted = metric.endswith(("_total", "_bucket"))
        assert (period != "") == counted
        if counted:
            assert re.search(rf"(rate|increase)\({metric}", expression)


def test_every_metric_is_on_the_dashboard_except_those_for_alerts() -> None:
    ending = {"counter": "_total", "histogram": "_bucket", "info": "_info"}
    ours = {family.name + ending.get(family.type, "") for family in MetricsSink().registry.collect()}
    asked = " ".join(target["expr"] for panel in QUERY_PANELS for target in panel["targets"])
    missing = {name for name in ours if name.startswith("edgeheat_") and f"{name}{{" not in asked}
    history = ("problem", "waiting_tiles", "bytes", "damaged", "last_stored_timestamp_seconds", "tiles_total")
    assert missing == {
        "edgeheat_heatmap_last_success_timestamp_seconds",
        *(f"edgeheat_history_{name}" for name in history),
    }


def test_the_board_can_be_provisioned() -> None:
    assert BOARD["schemaVersion"] >= 36
    assert (BOARD["uid"], BOARD["id"], BOARD["editable"]) == ("edgeheat", None, False)
    assert "__inputs" not in BOARD
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_panels_do_not_overlap_and_fill_the_width() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_verdict_on_a_picture_has_a_number_of_its_own_with_a_word_and_a_colour() -> None:
    (panel,) = [panel for panel in PANELS if panel["title"] == "Picture health"]
    (target,) = panel["targets"]
    found = re.findall(r'(\d) \* sum by \(instance, camera\) \([^)]*verdict="(\w+)"', target["expr"])
    numbers = {"ok": "0"} | {verdict: number for number, verdict in found}
    assert set(numbers) == set(get_args(HealthVerdict))
    assert len(set(numbers.values())) == len(numbers)
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    words = {verdict: mapping["options"][number]["text"] for verdict, number in numbers.items()}
    assert words == {
        "ok": "OK",
        "frozen": "Frozen",
        "dark": "Dark",
        "covered": "Covered",
        "blurred": "Blurred",
        "moved": "Moved",
    }


def test_the_latest_pictures_come_from_the_devices_page_anew_at_each_refresh() -> None:
    (pictures,) = [panel for panel in PANELS if panel["type"] == "text"]
    assert pictures["repeat"] == "camera"
    assert pictures["options"]["mode"] == "html"
    assert "${page}/cameras/${camera}/recent?t=${__to}" in pictures["options"]["content"]
    assert VARIABLES["page"]["type"] == "textbox"
