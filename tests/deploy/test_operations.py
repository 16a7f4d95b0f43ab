"""The operator's page: a paragraph for every alert, and every panel it names is there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/booth.json").read_text())
ALERTS = {
    rule["alert"]: rule
    for path in (ROOT / "deploy/prometheus/rules").glob("*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
PARAGRAPHS = dict(re.findall(r"^### (\w+)\n\n(.+?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_alert_has_its_paragraph_and_every_paragraph_its_alert() -> None:
    assert set(PARAGRAPHS) == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_a_paragraph_says_how_grave_it_is_and_what_to_do(name: str) -> None:
    assert PARAGRAPHS[name].startswith(f"*{ALERTS[name]['labels']['severity']}.*")
    assert len(re.findall(r"^- ", PARAGRAPHS[name], re.MULTILINE)) >= 2


@pytest.mark.parametrize("name", ALERTS)
def test_an_alerts_link_leads_to_its_paragraph(name: str) -> None:
    file, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")
    assert (ROOT / file).read_text(encoding="utf-8") == PAGE
    assert anchor in {heading.lower() for heading in PARAGRAPHS}


def test_the_panels_that_answer_is_it_well_are_on_the_dashboard() -> None:
    rows = re.findall(r"^\| [^|]+\? \| ([^|]+) \|", PAGE, re.MULTILINE)
    named = {panel for row in rows for panel in row.strip().split(", ")}
    titles: list[Any] = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(rows) == 12
    assert named <= set(titles)
