"""The dashboard as Grafana's provisioning needs it: identities, panel types, places."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT

GRAFANA = ROOT / "deploy/grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards/booth.json").read_text())
PANELS = DASHBOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
COLUMNS = 24

# Those of Grafana 12 without a plugin to install, as far as they draw figures, and `row`.
PANEL_TYPES = {
    "barchart",
    "bargauge",
    "gauge",
    "heatmap",
    "histogram",
    "piechart",
    "row",
    "stat",
    "state-timeline",
    "status-history",
    "table",
    "timeseries",
    "trend",
    "xychart",
}
OUTCOMES = {"ok", "error", "overloaded", "deadline", "cancelled"}

drawn = pytest.mark.parametrize("panel", DRAWN, ids=lambda panel: panel["title"])


def area(panel: dict[str, Any]) -> set[tuple[int, int]]:
    """The cells of the grid that a panel covers."""
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    rows = range(place["y"], place["y"] + place["h"])
    return set(itertools.product(columns, rows))


@pytest.fixture
def source() -> Any:
    """The data source as it is provisioned."""
    file = GRAFANA / "provisioning/datasources/prometheus.yml"
    (only,) = yaml.safe_load(file.read_text())["datasources"]
    return only


def test_any_data_source_of_prometheus_can_be_chosen(source: Any) -> None:
    variables = DASHBOARD["templating"]["list"]
    assert [one["name"] for one in variables] == ["datasource", "job", "model", "instance"]
    chooser, *asked = variables
    assert (chooser["type"], chooser["query"]) == ("datasource", source["type"])
    users = [*DRAWN, *asked, *(target for panel in DRAWN for target in panel["targets"])]
    named = {"type": source["type"], "uid": "${datasource}"}
    assert all(user["datasource"] == named for user in users)


def test_the_data_source_of_the_compose_file_is_grafana_s_default(source: Any) -> None:
    assert source["isDefault"]
    assert source["url"] == "http://prometheus:9090"


def test_no_query_knows_a_job_by_its_name() -> None:
    for panel in DRAWN:
        for target in panel["targets"]:
            assert 'job="' not in target["expr"]
            assert target["expr"].count("$job") == target["expr"].count("$instance")


def test_grafana_believes_that_prometheus_scrapes_as_often_as_it_does(source: Any) -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]


def test_the_dashboard_can_be_provisioned() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    assert "id" not in DASHBOARD  # Grafana's own, of its database
    assert "__inputs" not in DASHBOARD  # asked of whoever imports by hand
    assert DASHBOARD["schemaVersion"] <= 41  # Grafana 12's; a newer one is refused or misread


def test_panels_have_identities_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in DRAWN:
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0, panel["title"]


def test_panels_are_of_types_that_grafana_has() -> None:
    assert {panel["type"] for panel in PANELS} <= PANEL_TYPES


def test_panels_fill_the_grid_without_overlap() -> None:
    areas = [area(panel) for panel in PANELS]
    together = set().union(*areas)
    assert len(together) == sum(map(len, areas))
    assert {column for column, _ in together} == set(range(COLUMNS))
    assert len(together) == COLUMNS * (1 + max(row for _, row in together))


@drawn
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")


@drawn
def test_a_panel_has_the_unit_of_its_figures(panel: dict[str, Any]) -> None:
    unit = panel["fieldConfig"]["defaults"].get("unit")
    exprs = " ".join(target["expr"] for target in panel["targets"])
    if "_bytes" in exprs:
        assert unit == "bytes"
    elif "http_server_request_duration_seconds_count" in exprs:
        assert unit == "reqps"
    elif "duration_seconds" in exprs:
        assert unit == "s"
    elif "booth_requests_total" in exprs:
        assert unit == ("percentunit" if " / " in exprs else "reqps")


@drawn
def test_an_override_speaks_of_a_series_that_is_there(panel: dict[str, Any]) -> None:
    legends = {target["legendFormat"] for target in panel["targets"]}
    if "{{outcome}}" in legends:
        legends |= OUTCOMES
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["options"] in legends


@drawn
def test_a_panel_follows_the_choice_of_model_or_replica(panel: dict[str, Any]) -> None:
    if panel["title"] == "Alerts":
        return  # it shows them all, whatever is chosen
    for target in panel["targets"]:
        assert "$model" in target["expr"] or "$instance" in target["expr"]


def test_the_thresholds_are_those_of_the_alerts() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "deploy/prometheus/rules").glob("*.yml"))
    limits = {"Errors": "errors:ratio5m > 0.02", "Drops": "drops:ratio5m > 0.02"}
    limits |= {"Slowest 1 %": 'quantile="0.99"} > 2', "Queue filling": "ratio[5m]) > 0.7"}
    reds = {
        panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]
        for panel in DRAWN
        if panel["type"] == "stat"
    }
    for title, condition in limits.items():
        assert condition in rules
        assert reds[title] == {"color": "red", "value": float(condition.rpartition("> ")[2])}
