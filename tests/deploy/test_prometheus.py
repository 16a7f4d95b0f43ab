"""Prometheus' rules, by Prometheus' own tool: each alert fires in its case, and there alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT

FOLDER = ROOT / "deploy/prometheus"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
DRIFT = FOLDER / "rules/drift.yml"
FIRING = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'

Series = dict[str, str]


def rules() -> list[dict[str, Any]]:
    """Every rule of every group, in the files' order."""
    return [
        rule
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


class Case(NamedTuple):
    """What differs from health, and the sentence that tells it; none if nobody is to be told."""

    name: str
    changes: Series
    labels: dict[str, str] | None = None
    summary: str = ""


def times(metric: str, labels: str, fast: int, slow: int = 0) -> Series:
    """A histogram to which each step adds ``fast`` times of about 0.05 s, ``slow`` of 3 s."""
    return {
        f'{metric}_bucket{{instance="a", model="m"{labels}, le="{le}"}}': f"0+{count}x400"
        for le, count in (
            ("0.032", 0),
            ("0.064", fast),
            ("2.048", fast),
            ("4.096", fast + slow),
            ("+Inf", fast + slow),
        )
    }


REQUEST = "booth_request_duration_seconds"
STAGE = "booth_stage_duration_seconds"

# A step is 15 s, and the judgement falls after 90 minutes, at step 360.
HEALTHY = {
    'up{job="booth", instance="a"}': "1x400",
    'up{job="booth", instance="b"}': "1x400",
    'process_start_time_seconds{job="booth", instance="a"}': "1000x100 2000x300",
    'booth_ready{job="booth", instance="a"}': "1x400",
    'booth_ready{job="booth", instance="b"}': "1x400",
    'booth_models_complete{instance="a"}': "0x10 1x390",
    'booth_models_complete{instance="b"}': "1x400",
    'booth_model_info{instance="a", model="m", version="1", provider="cpu"}': "1x400",
    'booth_model_info{instance="b", model="m", version="1", provider="cuda"}': "1x400",
    'booth_model_fell_back{instance="a", model="m", provider="cpu", wanted="cpu"}': "0x400",
    'booth_model_fell_back{instance="b", model="m", provider="cuda", wanted="cuda"}': "0x400",
    'booth_requests_total{instance="a", model="m", outcome="ok"}': "0+75x400",
    'booth_requests_total{instance="b", model="m", outcome="ok"}': "0+75x400",
    'booth_requests_total{instance="a", model="m", outcome="bad_image"}': "0+50x400",
    'booth_requests_total{instance="a", model="m", outcome="error"}': "0+1x400",
    'booth_requests_total{instance="b", model="m", outcome="overloaded"}': "0+1x400",
    'booth_requests_total{instance="b", model="m", outcome="deadline"}': "0+1x400",
    'booth_accepted_images{instance="a", model="m"}': "90x400",
    'booth_accepted_images{instance="b", model="m"}': "30x400",
    'booth_accepted_images_limit{instance="a", model="m"}': "100x400",
    'booth_accepted_images_limit{instance="b", model="m"}': "100x400",
    'booth_batch_size_sum{instance="a", model="m"}': "0+90x400",
    'booth_batch_size_sum{instance="b", model="m"}': "0+60x400",
    'booth_batch_size_count{instance="a", model="m"}': "0+25x400",
    'booth_batch_size_count{instance="b", model="m"}': "0+50x400",
    'booth_batch_size_limit{instance="a", model="m"}': "4x400",
    'booth_batch_size_limit{instance="b", model="m"}': "4x400",
    **times(REQUEST, "", 75),
    **times(STAGE, ', stage="read"', 75),
    **times(STAGE, ', stage="inference"', 75),
}
REQUESTS = [name for name in HEALTHY if name.startswith("booth_requests_total")]

CASES = [
    Case("BoothHealthy", {}),
    Case(
        "BoothDown",
        {
            'booth_ready{job="booth", instance="a"}': "1x340 0x60",
            'booth_ready{job="booth", instance="b"}': "1x340 stale",
        },
        {},
        "No replica of Booth takes traffic.",
    ),
    Case(
        "BoothErrors",
        {'booth_requests_total{instance="a", model="m", outcome="error"}': "0+10x400"},
        {"model": "m"},
        "4.717% of the requests to m fail by the service's fault.",
    ),
    Case(
        "Few requests of which one failed",
        dict.fromkeys(REQUESTS, "0+0x400")
        | {
            'booth_requests_total{instance="a", model="m", outcome="ok"}': "0+1x400",
            'booth_requests_total{instance="a", model="m", outcome="error"}': "0x350 1x50",
        },
    ),
    Case(
        "BoothDropping",
        {
            'booth_requests_total{instance="b", model="m", outcome="overloaded"}': "0+5x400",
            'booth_requests_total{instance="b", model="m", outcome="deadline"}': "0+4x400",
        },
        {"model": "m"},
        "4.286% of the requests to m are dropped.",
    ),
    Case(
        "BoothSlow",
        {**times(REQUEST, "", 75, 2), **times(STAGE, ', stage="inference"', 75, 2)},
        {"model": "m", "quantile": "0.99"},
        "One request in a hundred to m takes 3.308s or more.",
    ),
    Case(
        "Uploads over a slow line",
        {**times(REQUEST, "", 75, 2), **times(STAGE, ', stage="read"', 75, 2)},
    ),
    Case(
        "BoothRestarting",
        {
            'process_start_time_seconds{job="booth", instance="a"}': (
                "1000x319 1100x10 1200x10 1300x60"
            )
        },
        {"instance": "a", "job": "booth"},
        "a has restarted 3 times in a quarter of an hour.",
    ),
    Case(
        "BoothQueueFilling",
        {'booth_accepted_images{instance="b", model="m"}': "80x400"},
        {"model": "m"},
        "The queue of m is 85% full.",
    ),
    Case(
        "BoothNoTraffic",
        dict.fromkeys(REQUESTS, "0+75x290 21750x110"),
        {},
        "For a quarter of an hour nobody has asked Booth, "
        "where it was 28.75 requests a second before.",
    ),
    Case("Never any traffic", dict.fromkeys(REQUESTS, "0x400")),
    Case(
        "BoothInstanceDown",
        {
            'up{job="booth", instance="b"}': "1x300 0x100",
            'booth_ready{job="booth", instance="b"}': "1x300 _x100",
            'booth_models_complete{instance="b"}': "1x300 _x100",
            'booth_model_info{instance="b", model="m", version="1", provider="cuda"}': (
                "1x300 _x100"
            ),
        },
        {"instance": "b", "job": "booth"},
        "b can't be scraped.",
    ),
    Case(
        "BoothInstanceNotReady",
        {'booth_ready{job="booth", instance="b"}': "1x300 0x100"},
        {"instance": "b", "job": "booth"},
        "b runs, but is not ready.",
    ),
    Case(
        "BoothModelMissing",
        {'booth_models_complete{instance="a"}': "1x300 0x100"},
        {"instance": "a"},
        "a does not have all the models that it should serve.",
    ),
    Case(
        "BoothProviderMissing",
        {
            'booth_model_fell_back{instance="b", model="m", provider="cuda", wanted="cuda"}': (
                "0x200 stale"
            ),
            'booth_model_fell_back{instance="b", model="m", provider="cpu", wanted="cuda"}': (
                "_x201 1x199"
            ),
        },
        {"instance": "b", "model": "m", "provider": "cpu", "wanted": "cuda"},
        "b runs m on cpu instead of cuda.",
    ),
    Case(
        "BoothReplicasDiffer",
        {
            'booth_model_info{instance="b", model="m", version="1", provider="cuda"}': (
                "1x200 _x200"
            ),
        },
        {"model": "m", "version": "1"},
        "Only 1 of the replicas serve m, version 1.",
    ),
]

# A step is a minute; the judgement falls after thirty hours, six of which are the present.
STEADY = {
    'booth_labels_total{model="m", instance="a", label="kitchen"}': "0+2x1800",
    'booth_labels_total{model="m", instance="b", label="kitchen"}': "0+1x1800",
    'booth_labels_total{model="m", instance="a", label="bedroom"}': "0+1x1800",
    'booth_confidence_bucket{model="m", instance="a", le="0.5"}': "0+1x1800",
    'booth_confidence_bucket{model="m", instance="a", le="0.9"}': "0+3x1800",
    'booth_confidence_bucket{model="m", instance="a", le="+Inf"}': "0+4x1800",
}
DRIFTS = [
    Case("BoothSteady", {}),
    Case(
        "BoothLabelsDrift",
        {
            'booth_labels_total{model="m", instance="a", label="kitchen"}': "0+2x1560 3120x240",
            'booth_labels_total{model="m", instance="b", label="kitchen"}': "0+1x1560 1560x240",
            'booth_labels_total{model="m", instance="a", label="bar"}': "_x1561 3+3x240",
        },
        {"model": "m"},
        "m sees other things than last week: 47.85% of the photographs have moved.",
    ),
    Case(
        "BoothConfidenceDrift",
        {'booth_confidence_bucket{model="m", instance="a", le="0.5"}': "0+1x1560 1564+4x240"},
        {"model": "m"},
        "m is not as sure, or unsure, as it was last week: 45.46% of the photographs have moved.",
    ),
    Case(
        "Other photographs, but few of them",
        {
            'booth_labels_total{model="m", instance="a", label="kitchen"}': "0+2x1440 2880x360",
            'booth_labels_total{model="m", instance="b", label="kitchen"}': "0+1x1440 1440x360",
            'booth_labels_total{model="m", instance="a", label="bedroom"}': "0+1x1440 1440x360",
            'booth_labels_total{model="m", instance="a", label="bar"}': "_x1441 1+1x360",
        },
    ),
]


def promtool(*arguments: str | Path) -> str:
    """What it prints; fails with that if it is not content."""
    if not shutil.which("promtool"):
        pytest.skip("there is no promtool; Debian's package prometheus brings one")
    command = ["promtool", *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def verdict(case: Case, healthy: Series, interval: str, eval_time: str) -> dict[str, Any]:
    """The file for ``promtool test rules``: the alert of the case fires, and no other.

    Drift has rules that need no others, and promtool evaluates all files' rules at one interval.
    """
    drifting = healthy is STEADY
    fires = case.labels is not None
    rule = ALERTS[case.name] if fires else {}
    severity = rule.get("labels", {})
    expected = {"alertname": case.name, **severity}
    shown = ", ".join(f'{name}="{value}"' for name, value in expected.items())
    told = {
        "exp_labels": {**severity, **(case.labels or {})},
        "exp_annotations": {**rule.get("annotations", {}), "summary": case.summary},
    }
    return {
        "rule_files": [str(path) for path in RULE_FILES if path == DRIFT or not drifting],
        "evaluation_interval": "4m" if drifting else interval,
        "tests": [
            {
                "interval": interval,
                "input_series": [
                    {"series": series, "values": values}
                    for series, values in {**healthy, **case.changes}.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": FIRING,
                        "eval_time": eval_time,
                        "exp_samples": [{"labels": f"{{{shown}}}", "value": 1}] * fires,
                    }
                ],
                "alert_rule_test": [
                    {"alertname": case.name, "eval_time": eval_time, "exp_alerts": [told] * fires}
                ],
            }
        ],
    }


def judge(folder: Path, judgement: dict[str, Any]) -> None:
    path = folder / "test.yml"
    path.write_text(json.dumps(judgement))  # JSON is YAML
    assert "SUCCESS" in promtool("test", "rules", path)


def test_prometheus_accepts_the_configuration_with_all_its_rules() -> None:
    said = promtool("check", "config", FOLDER / "prometheus.yml")
    for path in RULE_FILES:
        assert path.name in said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_alert_fires_in_its_case_and_no_other_does(case: Case, tmp_path: Path) -> None:
    judge(tmp_path, verdict(case, HEALTHY, "15s", "90m"))


@pytest.mark.parametrize("case", DRIFTS, ids=lambda case: case.name)
def test_drift_is_told_where_many_photographs_are_others(case: Case, tmp_path: Path) -> None:
    judge(tmp_path, verdict(case, STEADY, "1m", "30h"))


def test_every_alert_has_a_case() -> None:
    assert {case.name for case in [*CASES, *DRIFTS] if case.labels is not None} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_grave_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert all(rule["annotations"][part].endswith(".") for part in ("summary", "description"))


def test_recorded_ratios_and_percentiles_sum_over_replicas(tmp_path: Path) -> None:
    expected = {
        "model:booth_requests:rate5m": 203 / 15,
        "model:booth_errors:ratio5m": 1 / 203,
        "model:booth_drops:ratio5m": 2 / 203,
        "model:booth_batch_fill:ratio5m": 2 / 4,
        "model:booth_queue_fill:ratio": 0.6,
        'model:booth_request_duration_seconds:quantile5m{quantile="0.5"}': 0.048,
    }
    judgement = verdict(CASES[0], HEALTHY, "15s", "90m")
    judgement["tests"][0]["promql_expr_test"] += [
        {
            "expr": f"count(abs({name} - {value}) < 1e-9)",
            "eval_time": "90m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for name, value in expected.items()
    ]
    judge(tmp_path, judgement)
