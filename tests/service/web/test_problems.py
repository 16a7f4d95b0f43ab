"""Errors have one shape on every route, and tell nothing of the inside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.service.asking import RED, problem, replace_network


def test_an_error_of_ours_tells_an_id_and_nothing_else(
    inside: Any, caplog: pytest.LogCaptureFixture
) -> None:
    classifier = inside.state.fleet.get().classifier

    def broken(_photos: Any) -> Any:
        raise RuntimeError("secret of /the/house")

    replace_network(classifier, broken)
    headers = {"X-Request-ID": "look-me-up"}
    response = httpx.post(f"{inside.url}/classify", content=RED, headers=headers)
    assert "look-me-up" in problem(response, 500, "internal")
    assert "secret" not in response.text
    assert any("look-me-up" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing/here", 404, "not-found"),
        ("POST", "/nothing", 404, "not-found"),
        ("GET", "/classify", 405, "method-not-allowed"),
        ("DELETE", "/models", 405, "method-not-allowed"),
        ("GET", "/models/none", 404, "unknown-model"),
        ("GET", "/models/tiny/labels?version=9", 404, "unknown-version"),
    ],
)
def test_every_route_fails_in_one_shape(
    tiny_server: str, method: str, path: str, status: int, kind: str
) -> None:
    problem(httpx.request(method, tiny_server + path), status, kind)
