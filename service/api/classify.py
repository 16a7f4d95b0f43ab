"""``POST /classify``: photographs in, labels out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from booth_client.errors import BoothError, InvalidParameter
from booth_client.wire import Answer
from service.api.openapi import CLASSIFY
from service.api.recall import Recall, Recalled, Result
from service.engine.classifier import Classifier
from service.engine.ticket import Ticket
from service.run.protocol import ON_DISCONNECT
from service.telemetry.record import RequestRecord, Stage
from service.web import problems
from service.web.access_control import AccessControl
from service.web.body import photographs, read_body
from service.web.state import ServiceState

__all__ = ["ClassifyFront", "FastPath", "router"]


def router(front: ClassifyFront) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter(tags=["classify"])
    routes.add_api_route("/classify", front.classify, methods=["POST"], **CLASSIFY)
    return routes


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
        if scope["type"] == "http" and scope["path"] == "/classify" and scope["method"] == "POST":
            response = await self._front.classify(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    top_k: int = 5
    timeout_ms: int | None = None

    @property
    def timeout_s(self) -> float | None:
        return self.timeout_ms / 1000 if self.timeout_ms else None


class ClassifyFront:
    """Answers ``POST /classify``."""

    def __init__(self, state: ServiceState, gate: AccessControl) -> None:
        self._state = state
        self._metrics = state.metrics
        self._gate = gate
        self._recall = Recall(state.settings.cache_bytes, state.metrics)

    async def classify(self, request: Request) -> Response:
        """Label one photograph, or several."""
        start = time.perf_counter()
        traces = self._state.traces
        record = RequestRecord(traces.begin(request.scope, start) if traces else None)
        # The envelope tells the log and the trace of it, when the answer has been sent.
        request.scope.setdefault("state", {})["record"] = record
        self._metrics.in_flight.inc()
        try:
            response = await self._answer(request, record)
            record.outcome = "ok"
        except BoothError as error:
            record.outcome = error.outcome
            return problems.render(error, request)
        except ClientDisconnect:
            record.outcome = "cancelled"
            # Nobody reads it; 499 is what the access log shows of a client that went away.
            return Response(status_code=499)
        except asyncio.CancelledError:
            record.outcome = "cancelled"
            raise
        else:
            return response
        finally:
            self._metrics.in_flight.dec()
            self._metrics.request_done(record.model, record.outcome, time.perf_counter() - start)

    async def _answer(self, request: Request, record: RequestRecord) -> Response:
        self._gate.check(request)
        query = _parse_query(request.scope["query_string"])
        loaded = self._state.model(query.model, query.version)
        record.model, record.version = loaded.card.name, loaded.card.version
        settings = self._state.settings
        start = time.perf_counter()
        body = await read_body(request, settings.max_body_bytes, settings.body_timeout_ms / 1000)
        photos, is_list = await photographs(request, body, settings.max_photos)
        read_s = time.perf_counter() - start
        record.read = Stage("read", start, read_s)
        record.size, record.photographs = len(body), len(photos)
        lookup = await self._recall.look_up(request, loaded, photos, query.top_k, is_list=is_list)
        if lookup.not_modified:
            self._metrics.stage(record.model, "read", read_s)
            return lookup.not_modified
        answers = await _answers(request, loaded.classifier, lookup.missing, query, record)
        results = lookup.completed(answers)
        self._metrics.stage(record.model, "read", read_s)
        start = time.perf_counter()
        self._count(results, record)
        response = _respond(request, results, read_s, is_list=is_list)
        if lookup.headers:
            response.headers.update(lookup.headers)
        record.answer = Stage("answer", start, time.perf_counter() - start)
        self._metrics.stage(record.model, "answer", record.answer.seconds)
        return response

    def _count(self, results: Sequence[Result], record: RequestRecord) -> None:
        for index, result in enumerate(results):
            if isinstance(result, Answer):
                self._metrics.answered(result)
            elif isinstance(result, Recalled):
                record.recalled.add(index)
            else:
                record.failed[index] = result.outcome
                self._metrics.failed(record.model, record.failed[index])


async def _answers(
    request: Request,
    classifier: Classifier,
    photos: Sequence[bytes],
    query: _Query,
    record: RequestRecord,
) -> list[Answer | BoothError]:
    """What the network says of each photograph, in order."""
    if not photos:
        return []
    tickets = record.tickets = classifier.submit(
        photos, top_k=query.top_k, timeout_s=query.timeout_s, tag=record.trace
    )
    with _dropping_if_gone(request, tickets):
        return await _settled(tickets)


async def _settled(tickets: Sequence[Ticket]) -> list[Answer | BoothError]:
    """Each ticket's answer or error, in order."""
    results: list[Answer | BoothError] = []
    for ticket in tickets:
        try:
            results.append(await ticket.answer())
        except BoothError as error:
            results.append(error)
    return results


@contextlib.contextmanager
def _dropping_if_gone(request: Request, tickets: Sequence[Ticket]) -> Iterator[None]:
    """While inside, drop the photographs as soon as their client goes away.

    Raises:
        ClientDisconnect: it went.

    """
    gone = False

    def drop() -> None:
        nonlocal gone
        gone = True
        for ticket in tickets:
            ticket.cancel()

    on_disconnect = request.scope["state"].get(ON_DISCONNECT, set())
    on_disconnect.add(drop)
    try:
        yield
    except asyncio.CancelledError:
        if gone:
            raise ClientDisconnect from None
        raise
    finally:
        on_disconnect.discard(drop)
        for ticket in tickets:
            ticket.cancel()


def _parse_query(query_string: bytes) -> _Query:
    if not query_string:
        return _Query()
    given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    for name in given:
        if name not in _Query.__slots__:
            close = get_close_matches(name, _Query.__slots__, n=1)
            hint = f"did you mean {close[0]}?" if close else "see /docs for those there are."
            raise InvalidParameter(f"There is no parameter {name[:64]!r}; {hint}")
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        top_k=_positive(given, "top_k", 5, most=1000),
        timeout_ms=_positive(given, "timeout_ms", None, most=3_600_000),
    )


def _positive(given: dict[str, str], name: str, default: Any, *, most: int) -> Any:
    text = given.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most:  # noqa: PLR2004
        return int(text)
    raise InvalidParameter(f"{name} must be a whole number from 1 to {most}, not {text[:32]!r}.")


def _respond(
    request: Request, results: Sequence[Result], read_s: float, *, is_list: bool
) -> Response:
    if is_list:
        shown = [_result(result, request) for result in results]
        return _json({"results": shown}, f"read;dur={read_s * 1000:.2f}")
    (result,) = results
    if isinstance(result, BoothError):
        raise result
    return _json(_result(result, request), _server_timing(result, read_s))


def _result(result: Result, request: Request) -> Any:
    if isinstance(result, Answer):
        return result
    if isinstance(result, Recalled):
        return orjson.Fragment(result.json)
    return problems.body_of(result, request)


def _json(content: Any, server_timing: str) -> Response:
    return Response(
        orjson.dumps(content),
        headers={"Server-Timing": server_timing},
        media_type="application/json",
    )


def _server_timing(answer: Answer | Recalled, read_s: float) -> str:
    timing = answer.timing_ms
    return (
        f"read;dur={read_s * 1000:.2f}, decode;dur={timing.decode:.2f}, "
        f"queue;dur={timing.queue:.2f}, inference;dur={timing.inference:.2f}, "
        f"total;dur={timing.total:.2f}"
    )
