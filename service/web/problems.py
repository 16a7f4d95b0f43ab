"""Errors as RFC 9457 ``application/problem+json``: one shape on every route, even 404 and 500.

Under ``/v1`` and ``/v2`` the same fields come as ``application/json``: clients of the Open
Inference Protocol read them in nothing else.
"""

from __future__ import annotations

import http
import logging
import re
import time
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from booth_client.errors import BoothError, InternalError, InvalidParameter
from service.telemetry.access_log import TokenBucket
from service.telemetry.record import RequestRecord
from service.web.scope import prefix_of, record_of

__all__ = [
    "CLIENT_CLOSED_REQUEST",
    "MEDIA_TYPE",
    "PROBLEM_SCHEMA",
    "body_of",
    "client_gone",
    "fields_of",
    "install",
    "media_type_of",
    "render",
    "sentence_of",
    "unforeseen",
]

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_PLAIN = re.compile(r"/v[12](/|$)")
# As numbers: comparing with a member of an enumeration takes several times as long.
_UNAUTHORIZED, _REQUEST_TIMEOUT, _INTERNAL_SERVER_ERROR = 401, 408, 500
CLIENT_CLOSED_REQUEST = 499  # nginx's: nobody reads it, but the access log shows it

# Who finds a way to make errors of ours must not fill the log: beyond these there is one line each.
_tracebacks = TokenBucket(10, time.monotonic)

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "error"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/overloaded"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was wrong, and what would be right"},
        "error": {"type": "string", "description": "the detail again, for Open Inference clients"},
    },
}


def body_of(error: BoothError, request: Request) -> dict[str, Any]:
    """The fields of a problem."""
    detail = sentence_of(error, record_of(request.scope))
    return _fields(error.kind, error.title, error.status, detail)


def sentence_of(error: BoothError, record: RequestRecord) -> str:
    """What a client is told of an error; of one of ours only an id, to look the cause up."""
    if error.status != _INTERNAL_SERVER_ERROR:
        return error.detail
    cause = (error.__cause__ or error) if _tracebacks.take() else None
    log.error("%s request_id=%s", error.detail, record.request_id, exc_info=cause)
    return f"Something failed on our side; name the id {record.request_id} when you report it."


def fields_of(error: BoothError) -> dict[str, Any]:
    """The fields of a problem that has no request."""
    return _fields(error.kind, error.title, error.status, error.detail)


def render(error: BoothError, request: Request) -> Response:
    """The response for an error of ours, which is the outcome of its request."""
    record_of(request.scope).outcome = error.outcome
    headers = []
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    if error.status == _UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="booth"'))
    if error.status == _REQUEST_TIMEOUT:
        headers.append((b"connection", b"close"))
    content = orjson.dumps(body_of(error, request))
    # It holds the frames that hold the error, and the request with its body: a cycle, which would
    # wait for the collector.
    error.__traceback__ = None
    headers.append((b"content-length", b"%d" % len(content)))
    headers.append((b"content-type", media_type_of(request.scope["path"]).encode()))
    return _Rendered(content, error.status, headers)


class _Rendered(Response):
    """A response whose headers are as they are sent: most of an overload's answers are errors."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code, self.body, self.raw_headers = status, body, headers
        self.background = None


def install(app: FastAPI) -> None:
    """Let every error that a route raises be rendered here."""
    app.add_exception_handler(BoothError, _on_booth_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(ClientDisconnect, _on_client_disconnect)
    app.add_exception_handler(Exception, _on_unforeseen)


async def _on_booth_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BoothError)  # noqa: S101 (the handler is registered for it)
    return render(error, request)


async def _on_client_disconnect(request: Request, _gone: Exception) -> Response:
    return client_gone(record_of(request.scope))


def client_gone(record: RequestRecord) -> Response:
    """The response that nobody reads, since the client went away."""
    record.outcome = "cancelled"
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _on_unforeseen(request: Request, cause: Exception) -> Response:
    return render(unforeseen(cause), request)


def unforeseen(cause: Exception) -> InternalError:
    """What nobody foresaw, as an error of ours."""
    error = InternalError("An unforeseen error.")
    error.__cause__ = cause
    return error


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own: no such route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 (the handler is registered for it)
    phrase = http.HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    path, docs = request.scope["path"], f"{prefix_of(request.scope)}/docs"
    meant = _meant(request)
    hint = f"did you mean {meant}?" if meant else f"the routes are listed at {docs}."
    detail = {
        404: f"There is nothing at {path[:200]}; {hint}",
        405: f"{request.method[:16]} is not possible here; see {docs} for what is.",
    }.get(error.status_code, f"{phrase}.")
    body = _fields(kind, phrase, error.status_code, detail)
    return _response(body, dict(error.headers or {}), request)


def _meant(request: Request) -> str:
    """The path of a route that differs in slashes or letters' case alone; "" where there is none.

    It is not answered in its place: who asks twice for one thing gets two caches and two counts.
    """
    path = request.scope["path"][:200]
    tidy = "/".join(["", *filter(None, path.split("/"))]).lower()
    if tidy == path:
        return ""
    scope = {**request.scope, "path": tidy}
    routes: list[BaseRoute] = request.app.routes
    return tidy if any(route.matches(scope)[0] is not Match.NONE for route in routes) else ""


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (the handler is registered for it)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return render(InvalidParameter(f"{name}: {first['msg']}."), request)


def _fields(kind: str, title: str, status: int, detail: str) -> dict[str, Any]:
    return {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "error": detail,
    }


def _response(body: dict[str, Any], headers: dict[str, str], request: Request) -> Response:
    content = orjson.dumps(body)
    return Response(content, body["status"], headers, media_type_of(request.scope["path"]))


def media_type_of(path: str) -> str:
    """The media type of the errors of a route."""
    return "application/json" if _PLAIN.match(path) else MEDIA_TYPE
