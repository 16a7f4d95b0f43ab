"""``POST /activations``: what the units of a network's layers answer to a photograph."""

from __future__ import annotations

import time
from dataclasses import dataclass

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from booth_client.errors import InvalidParameter
from service.api.inspecting import Inspecting, prefers, server_timing, timing
from service.api.openapi.activations import ACTIVATIONS
from service.api.openapi.parameters import MOST_INDEX, MOST_NAME, MOST_TIMEOUT_MS
from service.engine.naming import Labeller
from service.inspection.activations import (
    EVERY_LAYER,
    MAPS,
    MOST_LAYERS,
    MOST_UNITS,
    Activations,
    ActivationsTask,
    Asked,
)
from service.telemetry.record import Stage
from service.web.query import indices, whole_number
from service.web.scope import record_of

__all__ = ["router"]

_PNG = "image/png"
_ALL = "all"
_USUAL_UNITS = 12


def router(inspecting: Inspecting) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter()
    front = _Front(inspecting)
    routes.add_api_route("/activations", front.activations, methods=["POST"], **ACTIVATIONS)
    return routes


class _Front:
    def __init__(self, inspecting: Inspecting) -> None:
        self._inspecting = inspecting

    async def activations(self, request: Request) -> Response:
        """Tell of some layers' units on one photograph."""
        as_sheet = prefers(request, _PNG)
        reading = self._inspecting.one_photograph(
            request, _parsed, _KNOWN, "Activations are those of"
        )
        async with reading as received:
            task = ActivationsTask(received.subject, _asked(received.query, as_sheet=as_sheet))
            made = await self._inspecting.answer(request, task)
        if as_sheet:
            return Response(made.content, media_type=_PNG)
        return _rendered(request, task, made, received.query.top_k, received.start)


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    top_k: int = 5
    layer: str = ""
    units: int = _USUAL_UNITS
    unit: tuple[int, ...] = ()
    maps: str = "none"
    timeout_ms: int | None = None


_KNOWN = tuple(_Query.__slots__)


def _parsed(given: dict[str, str]) -> _Query:
    maps = given.get("maps", "none")
    if maps not in MAPS:
        raise InvalidParameter(f"maps must be one of {', '.join(MAPS)}, not {maps[:32]!r}.")
    if "units" in given and "unit" in given:
        raise InvalidParameter(
            "units says how many units, unit says which; send one of the two parameters."
        )
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        top_k=whole_number(given, "top_k", most=1000) or 5,
        layer=given.get("layer", ""),
        units=_units(given),
        unit=indices(given, "unit", most=MOST_INDEX, count=MOST_UNITS),
        maps=maps,
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
    )


def _units(given: dict[str, str]) -> int:
    if given.get("units") == _ALL:
        return 0
    return whole_number(given, "units", most=MOST_UNITS) or _USUAL_UNITS


def _asked(query: _Query, *, as_sheet: bool) -> Asked:
    if not query.layer:
        raise InvalidParameter(
            f"Say which layers: layer=NAME, of GET /models/NAME/layers, or {EVERY_LAYER} for all."
        )
    names = tuple(query.layer.split(",", MOST_LAYERS))
    if len(names) > MOST_LAYERS:
        raise InvalidParameter(f"layer has more than {MOST_LAYERS} names; ask for fewer, or for *.")
    if as_sheet and (len(names) > 1 or names == (EVERY_LAYER,)):
        raise InvalidParameter("A sheet shows one layer; name one alone, or ask for JSON.")
    if len(set(names)) < len(names):
        raise InvalidParameter("layer names a layer twice; name each once.")
    return Asked(
        tuple(name[:MOST_NAME] for name in names), query.units, query.unit, query.maps, as_sheet
    )


def _rendered(
    request: Request, task: ActivationsTask, made: Activations, top_k: int, start: float
) -> Response:
    begin, record, card = time.perf_counter(), record_of(request.scope), task.subject.card
    times = timing(made.decode_s, made.inference_s, time.monotonic() - start)
    content = {
        "model": card.name,
        "version": card.version,
        "view": made.view,
        "layers": orjson.Fragment(made.content),
        "predictions": Labeller(card).predictions(made.probabilities, top_k),
        "timing_ms": times,
    }
    body = orjson.dumps(content)
    record.answer_stage = Stage("answer", begin, time.perf_counter() - begin)
    return Response(body, headers=server_timing(times), media_type="application/json")
