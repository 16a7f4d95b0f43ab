"""/livez and /readyz: what an operator relies on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service.engine.batcher import Batcher


def test_a_healthy_service_is_alive_and_ready(tiny_server: str) -> None:
    assert httpx.get(f"{tiny_server}/livez").text == "alive\n"
    assert httpx.get(f"{tiny_server}/readyz").text == "ready\n"


@pytest.mark.parametrize("path", ["livez", "readyz", "metrics"])
def test_parameters_of_probes_and_scrapers_are_ignored(tiny_server: str, path: str) -> None:
    assert httpx.get(f"{tiny_server}/{path}?probe=1&probe=2").status_code == 200


def test_readyz_turns_red_when_a_batching_thread_has_ended(inside: Any) -> None:
    assert httpx.get(f"{inside.url}/readyz").status_code == 200
    inside.state.fleet.get().classifier.batcher.close()
    response = httpx.get(f"{inside.url}/readyz")
    assert response.status_code == 503
    assert "batching thread of tiny has ended" in response.json()["detail"]
    assert int(response.headers["retry-after"]) >= 1
    assert httpx.get(f"{inside.url}/livez").status_code == 200


def test_readyz_turns_red_when_nothing_moves(inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Batcher, "stalled_s", lambda _self: 31.0)
    response = httpx.get(f"{inside.url}/readyz")
    assert response.status_code == 503
    assert "no progress for 31 s" in response.json()["detail"]


def test_before_the_models_are_loaded_it_is_alive_but_not_ready(inside: Any) -> None:
    inside.state.started = False
    assert httpx.get(f"{inside.url}/livez").status_code == 200
    assert "being loaded" in httpx.get(f"{inside.url}/readyz").json()["detail"]
    response = httpx.post(f"{inside.url}/classify", content=b"photo")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/starting")
