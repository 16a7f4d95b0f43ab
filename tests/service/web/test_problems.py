"""Errors have one shape on every route, and tell nothing of the inside."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from booth_client.errors import (
    BadImage,
    BoothError,
    InternalError,
    Overloaded,
    SlowBody,
    Unauthorized,
)
from service.telemetry.access_log import TokenBucket
from service.telemetry.record import RequestRecord
from service.web import problems
from service.web.problems import body_of, render
from service.web.scope import record_of, start_record
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


def test_what_went_wrong_says_when_to_come_again_and_how_to_come_in() -> None:
    late = rendered(Overloaded("Too much is waiting.", retry_after_s=3))
    assert (late.status_code, late.headers["retry-after"]) == (503, "3")
    assert rendered(Unauthorized("Send a key.")).headers["www-authenticate"] == (
        'Bearer realm="booth"'
    )
    assert rendered(SlowBody("Too slow.")).headers["connection"] == "close"
    assert "retry-after" not in rendered(BadImage("It is damaged.")).headers


def test_the_error_is_the_outcome_of_its_request() -> None:
    request = asked()
    render(BadImage("It is damaged."), request)
    assert record_of(request.scope).outcome == "bad_image"


def test_a_cause_of_ours_goes_to_the_log_and_its_text_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = InternalError("An unforeseen error.")
    error.__cause__ = RuntimeError("secret of /the/house")
    body = body_of(error, asked())
    assert body["detail"] == "Something failed on our side; name the id an-id when you report it."
    (line,) = caplog.records
    assert "request_id=an-id" in line.getMessage()
    assert line.exc_info
    assert str(line.exc_info[1]) == "secret of /the/house"


def test_a_flood_of_errors_of_ours_is_a_line_each(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "_tracebacks", TokenBucket(2, lambda: 0.0))
    for _ in range(5):
        body_of(InternalError("An unforeseen error."), asked())
    assert [bool(line.exc_info) for line in caplog.records] == [True, True, False, False, False]


def asked() -> Request:
    """A request that has its record."""
    scope = {"type": "http", "method": "POST", "path": "/classify", "headers": []}
    start_record(scope, RequestRecord("an-id", "POST", "/classify", start=0.0))
    return Request(scope)


def rendered(error: BoothError) -> Response:
    return render(error, asked())


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/models/", "did you mean /models?"),
        ("//models", "did you mean /models?"),
        ("/Models//tiny/", "did you mean /models/tiny?"),
        ("/LIVEZ", "did you mean /livez?"),
        ("/docs/", "did you mean /docs?"),
        ("/models//labels/x", "the routes are listed at /docs."),
        ("/nothing/", "the routes are listed at /docs."),
        ("//evil.example/models", "the routes are listed at /docs."),
        ("/%0d%0aa", "the routes are listed at /docs."),
    ],
)
def test_a_path_with_slashes_too_many_is_told_the_right_one(
    tiny_server: str, path: str, hint: str
) -> None:
    response = httpx.get(tiny_server + path)
    assert problem(response, 404, "not-found").endswith(f"; {hint}")
    assert "location" not in response.headers


def test_who_went_away_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    problems.install(app)
    outcomes: list[str | None] = []

    @app.post("/")
    async def _gone(_request: Request) -> None:
        raise ClientDisconnect

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        record = RequestRecord("id", "POST", "/", 0.0)
        start_record(scope, record)
        await app(scope, receive, send)
        outcomes.append(record.outcome)

    async def ask() -> int:
        transport = httpx.ASGITransport(whole)
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as client:
            return (await client.post("/")).status_code

    assert asyncio.run(ask()) == 499
    assert outcomes == ["cancelled"]
    assert caplog.records == []


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/v2", "application/json"),
        ("/v2/models/none", "application/json"),
        ("/v1/models/none", "application/json"),
        ("/v2.txt", "application/problem+json"),
        ("/models/v2/x", "application/problem+json"),
    ],
)
def test_open_inference_clients_read_errors_in_plain_json(path: str, media_type: str) -> None:
    scope = {"type": "http", "path": path, "headers": []}
    start_record(scope, RequestRecord("id", "GET", path, 0.0))
    response = render(BadImage("It is empty."), Request(scope))
    assert response.headers["content-type"] == media_type


def test_an_error_that_was_rendered_is_no_part_of_a_cycle() -> None:
    """Its traceback would hold the frame that holds it, and the request with its body."""

    def raised() -> None:
        error = Overloaded("There is no room; try again later.", retry_after_s=1)
        raise error

    scope: dict[str, Any] = {"type": "http", "path": "/classify"}
    start_record(scope, RequestRecord("id", "POST", "/classify", 0.0))
    gc.disable()
    try:
        try:
            raised()
        except BoothError as error:
            held = weakref.ref(error)
            render(error, Request(scope))
        assert held() is None
    finally:
        gc.enable()
