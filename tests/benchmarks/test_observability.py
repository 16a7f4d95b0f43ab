"""What is compared with what: a service without metrics, log lines and traces has none of them."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from typing import Any

import httpx
import pytest

from benchmarks import observability
from benchmarks.load import Figures, Plan
from benchmarks.observability import KINDS, Pair, Silent, collecting, summary, system
from benchmarks.runs import Run
from benchmarks.systems import BOOTH
from service.run import app
from service.settings import read_settings
from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord, Stage


def run(throughput: float, cpu_ms: float) -> Run:
    figures = Figures(throughput, 1, 0, 1.0, 1.0, 1.0, 1.0, 1.0, [])
    return Run("closed loop", Plan(1), figures, cpu_ms, 1.0)


@pytest.mark.parametrize("made", [Metrics, Silent])
def test_only_a_service_with_metrics_counts(made: type[Metrics]) -> None:
    metrics: Any = made(4)
    metrics.in_flight.inc()
    metrics.observer("m").batch_ran(1, 0.1)
    record = RequestRecord("an-id", "POST", "/classify", 0.0, model="m", outcome="ok")
    record.read_stage, record.failed = Stage("read", 0.0, 0.1), {0: "bad_image"}
    metrics.count(record)
    counted = {
        (sample.name, *sample.labels.values())
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith("booth_") and "m" in sample.labels.values()
    }
    assert bool(counted) == (made is Metrics)


def test_without_anything_there_is_no_log_no_trace_and_no_metric() -> None:
    none = system("none", "http://127.0.0.1:1")
    assert none.environment["BOOTH_LOG_LINES_PER_SECOND"] == "0"
    assert "BOOTH_OTLP_ENDPOINT" not in none.environment
    assert none.command[-1] == "--without-metrics"


def test_everything_by_default_is_what_an_operator_gets_who_asks_for_all() -> None:
    everything = system("all, as by default", "http://127.0.0.1:1")
    changed = {
        name: value
        for name, value in everything.environment.items()
        if name not in BOOTH.environment
    }
    assert changed == {"BOOTH_LOG": "json", "BOOTH_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    assert everything.command == BOOTH.command


def test_a_service_without_metrics_is_the_service_but_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    monkeypatch.setattr(sys, "argv", ["observability", "--without-metrics"])
    monkeypatch.setattr("service.cli.main.main", lambda: made.append(vars(app)["Metrics"]))
    observability.serve_silently()
    assert (made, vars(app)["Metrics"]) == ([Silent], Metrics)
    assert sys.argv == ["booth", "serve"]


def test_a_pair_compares_means() -> None:
    pair = Pair([run(90, 11), run(98, 11)], [run(100, 10), run(100, 10)])
    assert [pair.throughput, pair.cpu] == pytest.approx([0.94, 1.1])
    assert summary([0.9, 1.0, 0.97]) == ["0.970", "0.900", "1.000"]


def test_the_collector_takes_what_it_gets() -> None:
    with collecting() as url:
        assert httpx.post(f"{url}/v1/traces", content=b"spans").status_code == 200
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url)  # noqa: S310


def test_every_kind_names_settings_that_there_are() -> None:
    for name in KINDS:
        environment = {
            key: value.replace("{model}", "m").replace("{port}", "1")
            for key, value in system(name, "http://127.0.0.1:1").environment.items()
        }
        assert read_settings(environment).models == ("m",)
