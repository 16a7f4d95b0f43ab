"""Bring docker-compose.yml up with two replicas of the service, look around, and end it."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from deploy.images.container import check_hardening, health, until
from deploy.images.engine import Engine, expect, say

__all__ = ["check_compose"]

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = "booth-proof"
REPLICAS = 2
FOUND_WITHIN_S = 60.0
STARTS_WITHIN_S = 300.0
ENDS_WITHIN_S = 120.0
# Away from what may run on this machine already.
PORTS = {"SERVICE_PORT": "27170-27171", "DEMO_PORT": "27172", "GRAFANA_PORT": "27173"}
NETWORK = {"FRONT_NETWORK": "172.28.77"}


def check_compose(engine: Engine) -> None:
    """Two replicas, the page and Prometheus come up, may do no harm, find one another, and end.

    Grafana is left out where its image is not there: it is not ours.

    Raises:
        NotSo: they don't.

    """
    environment = {**os.environ, **(engine.environment or {}), **PORTS, **NETWORK}
    engine = replace(engine, environment=environment)
    wanted = ["service", "demo", "prometheus"]
    if engine.run("image", "inspect", _grafana(engine), check=False).returncode == 0:
        wanted.append("grafana")
    for target in ("service", "demo"):
        engine.run("tag", f"booth:{target}", f"{PROJECT}-{target}")
    with _up(engine, wanted) as containers:
        for one in containers:
            say(f"{one}:")
            check_hardening(engine, one)
        _check_page()
        until(lambda: _targets(engine) == REPLICAS, "Prometheus finds each replica", FOUND_WITHIN_S)
        say(f"Prometheus finds {REPLICAS} replicas that answer")
        _check_end(engine, containers)


@contextmanager
def _up(engine: Engine, wanted: list[str]) -> Iterator[list[str]]:
    """The names of the containers, all of them healthy; they are gone afterwards."""
    started = time.monotonic()
    words = ["up", "--detach", "--no-build", "--scale", f"service={REPLICAS}", *wanted]
    try:
        _compose(engine, *words, within_s=STARTS_WITHIN_S)
        containers = _compose(engine, "ps", "--format", "{{.Name}}").split()
        expect(len(containers) == len(wanted) + REPLICAS - 1, f"there are {len(containers)}")
        for one in containers:
            until(lambda one=one: health(engine, one) == "healthy", f"{one} becomes healthy")  # type: ignore[misc]
        say(f"all healthy after {time.monotonic() - started:.1f} s")
        yield containers
    finally:
        _compose(engine, "down", "--volumes", "--remove-orphans", within_s=ENDS_WITHIN_S)


def _compose(engine: Engine, *words: str, within_s: float = 60) -> str:
    file = str(REPOSITORY / "docker-compose.yml")
    given = ["compose", "--project-name", PROJECT, "--file", file, "--profile", "cpu"]
    return engine.run(*given, *words, within_s=within_s).stdout


def _grafana(engine: Engine) -> str:
    images = _compose(engine, "config", "--images").split()
    return next(one for one in images if "grafana" in one)


def _check_page() -> None:
    url = f"http://127.0.0.1:{PORTS['DEMO_PORT']}/"
    with urllib.request.urlopen(url, timeout=30) as answer:
        expect(answer.status == HTTPStatus.OK and b"Booth" in answer.read(), "the page answers")


def _targets(engine: Engine) -> int:
    """How many replicas Prometheus asks, and has answers from."""
    query = ["promtool", "query", "instant", "http://127.0.0.1:9090", 'up{job="booth"} == 1']
    return _compose(engine, "exec", "-T", "prometheus", *query).count("=> 1")


def _check_end(engine: Engine, containers: list[str]) -> None:
    started = time.monotonic()
    _compose(engine, "stop", within_s=ENDS_WITHIN_S)
    statuses = {one: engine.inspect(one)["State"]["ExitCode"] for one in containers}
    took = time.monotonic() - started
    expect(not any(statuses.values()), f"all end with status 0 after {took:.1f} s", str(statuses))
