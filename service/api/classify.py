"""``POST /classify``: photographs in, labels out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from booth_client.errors import BoothError
from service.api.answering import Answering, Results
from service.api.labelling import rendered, shown
from service.api.openapi.classify import CLASSIFY
from service.api.openapi.parameters import MOST_TIMEOUT_MS
from service.engine.explanation import MOST_LABELS, parts_of
from service.web.query import merged, parameters, whole_number

__all__ = ["ClassifyFront", "asks_for_labels", "router"]

PATH = "/classify"
_MOST_REMEMBERED = 200  # bytes of a query


def router(front: ClassifyFront) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter()
    routes.add_api_route(PATH, front.classify, methods=["POST"], **CLASSIFY)
    return routes


def asks_for_labels(scope: Scope) -> bool:
    """Whether a request is this front's."""
    return bool(scope["path"] == PATH and scope["method"] == "POST")


class ClassifyFront:
    """Answers ``POST /classify``."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def classify(self, request: Request) -> Response:
        """Label one photograph, or several."""
        given_query, query = _query_of(request.scope["query_string"])
        self._answering.refuse_early(request, query.model, query.version, query.timeout_s)
        await self._answering.give_way()
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


def _query_of(query_string: bytes) -> tuple[Mapping[str, str], _Query]:
    """The parameters in an address, by their names and read. Most addresses come again and again.

    Raises:
        InvalidParameter: one is unknown, or given twice, or has a value that it can't have.

    """
    if len(query_string) > _MOST_REMEMBERED:
        return _read_query(query_string)
    return _remembered_query(query_string)


def _read_query(query_string: bytes) -> tuple[Mapping[str, str], _Query]:
    given = parameters(query_string, _KNOWN)
    return given, _parsed(given)


_remembered_query = lru_cache(maxsize=128)(_read_query)


def _parsed(given: Mapping[str, str]) -> _Query:
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
    def content() -> Any:
        if is_list:
            return {"results": [shown(result, request) for result in given.results]}
        (result,) = given.results
        if isinstance(result, BoothError):
            raise result
        return shown(result, request)

    return rendered(request, given, content)
