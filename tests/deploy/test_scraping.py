"""A real Prometheus scrapes real replicas under load, and answers every rule and every panel."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT
from tests.servers import Serve, free_port, is_up, started
from tests.waiting import ended, eventually

pytestmark = pytest.mark.xdist_group("prometheus")

FOLDER = ROOT / "deploy/prometheus"
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/booth.json").read_text())
GROUPS = [
    group
    for path in sorted((FOLDER / "rules").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RECORDS = [rule for rule in RULES if "record" in rule]
ALERTS = [rule for rule in RULES if "alert" in rule]
TARGETS = [
    (panel["title"], target) for panel in DASHBOARD["panels"] for target in panel.get("targets", [])
]
MODEL = "efficientnet_lite0"
METRIC = re.compile(r"\b(?:model\w*:\w+:\w+|booth_\w+|process_\w+|up)\b")
PATIENCE_S = 30


@dataclass(frozen=True)
class Watch:
    """A Prometheus that watches two replicas."""

    url: str
    replicas: list[str]

    def ask(self, path: str, **parameters: Any) -> Any:
        response = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=PATIENCE_S)
        answer = response.json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expr: str) -> list[float]:
        """The finite values of an expression now."""
        return _finite(one["value"] for one in self.ask("query", query=expr)["result"])

    def query_range(self, expr: str) -> list[float]:
        """The finite values of an expression in the last seconds."""
        now = time.time()
        series = self.ask("query_range", query=expr, start=now - 10, end=now, step=1)["result"]
        return _finite(value for one in series for value in one["values"])


def _finite(samples: Any) -> list[float]:
    return [value for value in (float(text) for _, text in samples) if math.isfinite(value)]


# A rate needs two scrapes, a rule its inputs.
until_answered = partial(eventually, within_s=PATIENCE_S)


@pytest.fixture(scope="module")
def watch(
    photos: dict[str, bytes], serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watch]:
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("there is no prometheus; Debian's package of that name brings it")
    folder = tmp_path_factory.mktemp("prometheus")
    with contextlib.ExitStack() as stack:
        # The cache counts, but keeps nothing: each photograph still runs.
        settings = {"models": MODEL, "cache_bytes": 1}
        replicas = [stack.enter_context(serve(**settings)).url for _ in range(2)]
        stack.enter_context(_load(replicas, list(photos.values())))
        url = stack.enter_context(_prometheus(folder, replicas))
        yield Watch(url, [replica.removeprefix("http://") for replica in replicas])


@contextlib.contextmanager
def _prometheus(folder: Path, replicas: list[str]) -> Iterator[str]:
    port = free_port()
    _configure(folder, [replica.removeprefix("http://") for replica in replicas])
    _remember(folder)
    url, log = f"http://127.0.0.1:{port}", folder / "prometheus.log"
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with started(command, log) as process:
        yield is_up(process, log, lambda: url if _ready(f"{url}/-/ready") else None)


def _ready(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url).status_code == httpx.codes.OK
    return False


def _configure(folder: Path, targets: list[str]) -> None:
    """The real configuration and rules; but each second, and the targets are these."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s"
    )
    booth = config["scrape_configs"][0]
    del booth["dns_sd_configs"]
    booth["static_configs"] = [{"targets": targets}]
    config["scrape_configs"] = [booth]
    config["rule_files"] = [f"{folder}/rules.yml"]
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    rules = {"groups": [{**group, "interval": "1s"} for group in GROUPS]}
    (folder / "rules.yml").write_text(json.dumps(rules))


def _remember(folder: Path) -> None:
    """Yesterday: what drift is judged against, as the rules would have recorded it."""
    instants = [int(time.time()) - 86_400 + 240 * step for step in range(10)]
    labels = {f'model_label:booth_labels:count4m{{model="{MODEL}",label="tabby"}}': 40}
    shares = {
        f'model_le:booth_confidence:count4m{{model="{MODEL}",le="{le}"}}': count
        for le, count in (("0.5", 10), ("1.0", 40), ("+Inf", 40))
    }
    lines = []
    for family in (labels, shares):
        name = next(iter(family)).partition("{")[0]
        lines.append(f"# TYPE {name} gauge")
        lines += [f"{one} {count} {at}" for one, count in family.items() for at in instants]
    history = folder / "history.txt"
    history.write_text("\n".join([*lines, "# EOF\n"]))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics"]
    command += [str(history), f"{folder}/data"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def _load(replicas: list[str], photos: list[bytes]) -> Iterator[None]:
    """A few requests a second, some of which can't be answered."""
    over = threading.Event()

    def send() -> None:
        asked = [("", photo) for photo in photos]
        wrong = [("", b"no photo"), ("?model=none", photos[0]), ("?timeout_ms=1", photos[0])]
        with httpx.Client(timeout=PATIENCE_S) as client:
            for (query, body), url in itertools.cycle(itertools.product(asked + wrong, replicas)):
                client.post(f"{url}/classify{query}", content=body)
                if over.wait(0.05):
                    return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        ended(thread, within_s=PATIENCE_S)


def test_every_replica_is_a_target_that_answers(watch: Watch) -> None:
    assert until_answered(lambda: watch.query('sum(up{job="booth"}) == 2')) == [2]
    targets = watch.ask("targets")["activeTargets"]
    assert {one["labels"]["instance"] for one in targets} == set(watch.replicas)


@pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
def test_what_a_rule_records_is_there(watch: Watch, rule: dict[str, Any]) -> None:
    assert until_answered(lambda: watch.query(rule["expr"]))
    assert until_answered(lambda: watch.query(rule["record"]))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alerts_inputs_are_there(watch: Watch, rule: dict[str, Any]) -> None:
    watch.ask("query", query=rule["expr"])
    inputs = METRIC.findall(rule["expr"])
    assert inputs
    for name in inputs:
        assert until_answered(partial(watch.query, name)), name


def test_prometheus_evaluates_all_rules_without_a_complaint(watch: Watch) -> None:
    def evaluated() -> list[dict[str, Any]]:
        return [rule for group in watch.ask("rules")["groups"] for rule in group["rules"]]

    def known(rules: list[dict[str, Any]]) -> bool:
        return all(rule["health"] != "unknown" for rule in rules)

    rules = eventually(evaluated, known, within_s=PATIENCE_S)
    assert len(rules) == len(RULES)
    assert {rule.get("lastError", "") for rule in rules} == {""}
    assert {rule["health"] for rule in rules} == {"ok"}


def test_the_dashboards_variables_list_jobs_models_and_replicas(watch: Watch) -> None:
    listed = {}
    for variable in DASHBOARD["templating"]["list"][1:]:
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found, variable
        selector = found[1].replace("$job", ".*")
        assert until_answered(partial(watch.query, selector))
        listed[variable["name"]] = watch.ask(f"label/{found[2]}/values", **{"match[]": selector})
    replicas = sorted(watch.replicas)
    assert listed == {"job": ["booth"], "model": [MODEL], "instance": replicas}


@pytest.mark.parametrize("chosen", ["all", "one"])
@pytest.mark.parametrize(
    ("title", "target"), TARGETS, ids=[f"{title} {target['refId']}" for title, target in TARGETS]
)
def test_a_panel_shows_data(watch: Watch, title: str, target: dict[str, Any], chosen: str) -> None:
    expr = substituted(target["expr"], [] if chosen == "all" else watch.replicas[:1])
    ask = watch.query if target["instant"] else watch.query_range
    assert until_answered(lambda: ask(expr)), (title, expr)


def substituted(expr: str, replicas: list[str]) -> str:
    """As Grafana does it: ``.*`` stands for all, and a choice is a regular expression."""
    values = {
        "$__rate_interval": "5s",
        "$__range": "60s",
        "$job": "booth" if replicas else ".*",
        "$model": MODEL if replicas else ".*",
        "$instance": "|".join(one.replace(".", r"\\.") for one in replicas) or ".*",
    }
    for name, value in values.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr
