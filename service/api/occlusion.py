"""``POST /occlusion``: which part of what a unit sees matters to it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from booth_client.errors import InvalidParameter
from service.api.inspecting import Inspecting, server_timing, timing
from service.api.openapi.occlusion import OCCLUSION
from service.api.openapi.parameters import MOST_INDEX, MOST_NAME, MOST_TIMEOUT_MS
from service.inspection.occlusion import OcclusionTask
from service.web.query import index, whole_number

__all__ = ["router"]


def router(inspecting: Inspecting) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter()
    front = _Front(inspecting)
    routes.add_api_route("/occlusion", front.occlusion, methods=["POST"], **OCCLUSION)
    return routes


class _Front:
    def __init__(self, inspecting: Inspecting) -> None:
        self._inspecting = inspecting

    async def occlusion(self, request: Request) -> Response:
        """Cover parts of what one unit sees of one photograph."""
        reading = self._inspecting.one_photograph(
            request, _parsed, _KNOWN, "Occlusion covers parts of"
        )
        async with reading as received:
            query, card = received.query, received.model.card
            if not query.layer or query.unit is None:
                raise InvalidParameter("Say which unit of which layer, as with layer=NAME&unit=0.")
            task = OcclusionTask(received.subject, query.layer, query.unit, query.at)
            made = await self._inspecting.answer(request, task)
        times = timing(made.decode_s, made.inference_s, time.monotonic() - received.start)
        whose = {"model": card.name, "version": card.version}
        body = orjson.dumps({**whose, **made.content, "timing_ms": times})
        return Response(body, headers=server_timing(times), media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    layer: str = ""
    unit: int | None = None
    row: int | None = None
    column: int | None = None
    timeout_ms: int | None = None

    @property
    def at(self) -> tuple[int, int] | None:
        return None if self.row is None or self.column is None else (self.row, self.column)


_KNOWN = tuple(_Query.__slots__)


def _parsed(given: dict[str, str]) -> _Query:
    if ("row" in given) != ("column" in given):
        raise InvalidParameter("A place has a row and a column; send both, or none.")
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        layer=given.get("layer", "")[:MOST_NAME],
        unit=index(given, "unit", most=MOST_INDEX),
        row=index(given, "row", most=MOST_INDEX),
        column=index(given, "column", most=MOST_INDEX),
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
    )
