"""``POST /classify``: photographs in, labels out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from booth_client.errors import BoothError
from booth_client.wire import Answer, as_json
from service.api.answering import Answering, Results
from service.api.openapi import CLASSIFY, MOST_TIMEOUT_MS
from service.engine.explanation import MOST_LABELS, parts_of
from service.telemetry.record import RequestRecord, Stage
from service.web import problems
from service.web.query import merged, parameters, whole_number
from service.web.response_cache import CachedAnswer, Result
from service.web.scope import record_of

__all__ = ["ClassifyFront", "FastPath", "asks_for_labels", "router"]

PATH = "/classify"


def router(front: ClassifyFront) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter(tags=["classify"])
    routes.add_api_route(PATH, front.classify, methods=["POST"], **CLASSIFY)
    return routes


def asks_for_labels(scope: Scope) -> bool:
    """Whether a request is this front's."""
    return bool(scope["path"] == PATH and scope["method"] == "POST")


class FastPath:
    """ASGI: ``POST /classify`` goes straight to its front, all else through ``app``.

    The framework's layers around a route cost as much as all else that is done with a request
    outside the network and the decoder.
    """

    def __init__(self, app: ASGIApp, front: ClassifyFront) -> None:
        self._app = app
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and asks_for_labels(scope):
            response = await self._front.classify(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class ClassifyFront:
    """Answers ``POST /classify``."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def classify(self, request: Request) -> Response:
        """Label one photograph, or several."""
        given_query = parameters(request.scope["query_string"], _KNOWN)
        query = _parsed(given_query)
        self._answering.refuse_early(request, query.model, query.version, query.timeout_s)
        with await self._answering.photographs(request, _KNOWN) as asked:
            if asked.fields:
                query = _parsed(merged(given_query, asked.fields))
            # While the body came, another may have been loaded in its place.
            model = self._answering.model(request, query.model, query.version)
            given = await self._answering.answers(
                request,
                model,
                asked,
                top_k=query.top_k,
                timeout_s=query.timeout_s,
                explain=query.explain,
            )
        return _render(request, given, is_list=asked.is_list)


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    top_k: int = 5
    timeout_ms: int | None = None
    explain: frozenset[str] = frozenset()

    @property
    def timeout_s(self) -> float | None:
        return self.timeout_ms / 1000 if self.timeout_ms else None


_KNOWN = tuple(_Query.__slots__)


def _parsed(given: dict[str, str]) -> _Query:
    if not given:
        return _Query()
    explain = parts_of(given["explain"]) if "explain" in given else frozenset()
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        top_k=whole_number(given, "top_k", most=MOST_LABELS if explain else 1000) or 5,
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
        explain=explain,
    )


def _render(request: Request, given: Results, *, is_list: bool) -> Response:
    headers = {"ETag": given.etag} if given.etag else {}
    if given.not_modified:
        return Response(status_code=304, headers=headers)
    record = record_of(request.scope)
    start = time.perf_counter()
    response = _response(request, record, given, is_list=is_list)
    response.headers.update(headers)
    record.answer_stage = Stage("answer", start, time.perf_counter() - start)
    return response


def _response(
    request: Request, record: RequestRecord, given: Results, *, is_list: bool
) -> Response:
    read_ms = record.read_stage.seconds * 1000 if record.read_stage else 0.0
    if is_list:
        shown = [_shown(result, request) for result in given.results]
        return _json({"results": shown}, f"read;dur={read_ms:.2f}")
    (result,) = given.results
    if isinstance(result, BoothError):
        raise result
    return _json(_shown(result, request), _server_timing(result, read_ms))


def _shown(result: Result, request: Request) -> Any:
    if isinstance(result, Answer):
        return as_json(result)
    if isinstance(result, CachedAnswer):
        return orjson.Fragment(result.json)
    return problems.body_of(result, request)


def _json(content: Any, server_timing: str) -> Response:
    return Response(
        orjson.dumps(content),
        headers={"Server-Timing": server_timing},
        media_type="application/json",
    )


def _server_timing(answer: Answer | CachedAnswer, read_ms: float) -> str:
    timing = answer.timing_ms
    return (
        f"read;dur={read_ms:.2f}, decode;dur={timing.decode:.2f}, "
        f"queue;dur={timing.queue:.2f}, inference;dur={timing.inference:.2f}, "
        f"total;dur={timing.total:.2f}"
    )
