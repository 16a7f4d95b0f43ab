"""``POST /label-map``: the network run over a whole photograph, as a grid of cells with labels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from booth_client.wire import CellLabel, View
from models.card import Card
from service.api.inspecting import Inspecting, server_timing, timing
from service.api.openapi.label_map import LABEL_MAP, MOST_STEP
from service.api.openapi.parameters import MOST_TIMEOUT_MS
from service.engine.naming import Labeller
from service.fleet.fleet import LoadedModel
from service.inspection.label_map import MOST_SCALE, Asked, stride_of
from service.inspection.label_map_task import MadeMap, MapTask
from service.telemetry.record import Stage
from service.web.query import whole_number
from service.web.scope import record_of

__all__ = ["router"]


def router(inspecting: Inspecting) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter()
    front = _Front(inspecting)
    routes.add_api_route("/label-map", front.label_map, methods=["POST"], **LABEL_MAP)
    return routes


class _Front:
    def __init__(self, inspecting: Inspecting) -> None:
        self._inspecting = inspecting

    async def label_map(self, request: Request) -> Response:
        """Label the cells of one photograph."""
        reading = self._inspecting.one_photograph(
            request, _parsed, _KNOWN, "A label map is made of"
        )
        async with reading as received:
            task = MapTask(received.subject, _asked(received.model, received.query))
            made = await self._inspecting.answer(request, task)
        return _rendered(request, task, made, received.start)


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    top_k: int = 5
    step: int | None = None
    scale: int = 1
    timeout_ms: int | None = None


_KNOWN = tuple(_Query.__slots__)


def _parsed(given: dict[str, str]) -> _Query:
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        top_k=whole_number(given, "top_k", most=1000) or 5,
        step=whole_number(given, "step", most=MOST_STEP),
        scale=whole_number(given, "scale", most=MOST_SCALE) or 1,
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
    )


def _asked(model: LoadedModel, query: _Query) -> Asked:
    size = model.card.input.size
    stride = stride_of(size, model.maps)
    return Asked(size, stride, query.step or stride, query.scale, query.top_k)


def _rendered(request: Request, task: MapTask, made: MadeMap, start: float) -> Response:
    begin, record = time.perf_counter(), record_of(request.scope)
    card, asked = task.subject.card, task.cells
    times = timing(made.decode_s, made.inference_s, time.monotonic() - start)
    content = {
        "model": card.name,
        "version": card.version,
        "view": View(made.width, made.height, [0, 0, made.width, made.height]),
        "cells": _cells(made, asked.step, card),
        "predictions": Labeller(card).predictions(made.cells.probabilities, asked.top_k),
        "timing_ms": times,
    }
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    record.answer_stage = Stage("answer", begin, time.perf_counter() - begin)
    return Response(body, headers=server_timing(times), media_type="application/json")


def _cells(made: MadeMap, step: int, card: Card) -> dict[str, Any]:
    cells = made.cells
    rows, columns, _ = cells.first.shape
    labels = ((card.labels[index], index) for index in cells.labels.tolist())
    return {
        "rows": rows,
        "columns": columns,
        "box": [0, 0, made.width, made.height],
        "labels": [CellLabel(label.name, label.category, index) for label, index in labels],
        "first": cells.first,
        "confidences": cells.confidences,
        "step": step,
    }
