"""``POST /label-map``: the network run over a whole photograph, as a grid of cells with labels."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from booth_client.errors import TooManyPhotos
from booth_client.wire import CellLabel, Timing, View
from models.card import Card
from service.api.answering import Answering, Photographs, dropping_if_gone
from service.api.openapi import LABEL_MAP, MOST_TIMEOUT_MS
from service.engine.label_map import MOST_SCALE, Asked, stride_of
from service.engine.map_process import MadeMap, MapTask
from service.engine.map_queue import MapQueue, MapTicket
from service.engine.naming import Labeller
from service.fleet.fleet import LoadedModel
from service.telemetry.record import Stage
from service.web.query import merged, parameters, whole_number
from service.web.scope import client_of, record_of
from service.web.state import ServiceState

__all__ = ["asks_for_label_map", "router"]

PATH = "/label-map"
_MOST_STEP = 1024  # whatever the network's stride


def router(state: ServiceState, answering: Answering) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter(tags=["classify"])
    front = _Front(answering, state.maps, state.settings.deadline_ms / 1000)
    routes.add_api_route(PATH, front.label_map, methods=["POST"], **LABEL_MAP)
    return routes


def asks_for_label_map(scope: Scope) -> bool:
    """Whether a request is this front's."""
    return bool(scope["path"] == PATH and scope["method"] == "POST")


class _Front:
    def __init__(self, answering: Answering, maps: MapQueue, usual_s: float) -> None:
        self._answering = answering
        self._maps = maps
        self._usual_s = usual_s

    async def label_map(self, request: Request) -> Response:
        """Label the cells of one photograph."""
        given_query = parameters(request.scope["query_string"], _KNOWN)
        query = _parsed(given_query)
        model = self._answering.model(request, query.model, query.version if query.model else None)
        self._maps.refuse_if_full(client_of(request.scope))
        with await self._answering.photographs(request, _KNOWN) as sent:
            if sent.fields:
                query = _parsed(merged(given_query, sent.fields))
            start = time.monotonic()
            # While the body came, another may have been loaded in its place.
            model = self._answering.model(request, query.model, query.version)
            task = self._task(model, _the_one(sent), query)
            ticket = self._maps.submit(task, model.card, client_of(request.scope))
            with dropping_if_gone(request, [ticket]):
                made = await ticket.answer()
        return _rendered(request, ticket, made, start)

    def _task(self, model: LoadedModel, photo: bytes, query: _Query) -> MapTask:
        wanted = model.card.input
        stride = stride_of(wanted.size, model.maps)
        return MapTask(
            photo=photo,
            path=str(model.path),
            modified=model.modified,
            interpolation=wanted.interpolation,
            coarseness=wanted.coarseness,
            asked=Asked(wanted.size, stride, query.step or stride, query.scale, query.top_k),
            max_pixels=self._maps.max_pixels,
            formats=self._maps.formats,
            deadline=time.monotonic() + (query.timeout_s or self._usual_s),
        )


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    top_k: int = 5
    step: int | None = None
    scale: int = 1
    timeout_ms: int | None = None

    @property
    def timeout_s(self) -> float | None:
        return self.timeout_ms / 1000 if self.timeout_ms else None


_KNOWN = tuple(_Query.__slots__)


def _parsed(given: dict[str, str]) -> _Query:
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        top_k=whole_number(given, "top_k", most=1000) or 5,
        step=whole_number(given, "step", most=_MOST_STEP),
        scale=whole_number(given, "scale", most=MOST_SCALE) or 1,
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
    )


def _the_one(sent: Photographs) -> bytes:
    if len(sent.photos) != 1:
        raise TooManyPhotos("A label map is made of one photograph; send them one by one.")
    return sent.photos[0]


def _rendered(request: Request, ticket: MapTicket, made: MadeMap, start: float) -> Response:
    begin, record = time.perf_counter(), record_of(request.scope)
    card, asked = ticket.card, ticket.task.asked
    timing = _timing(made, time.monotonic() - start)
    content = {
        "model": card.name,
        "version": card.version,
        "view": View(made.width, made.height, [0, 0, made.width, made.height]),
        "cells": _cells(made, asked.step, card),
        "predictions": Labeller(card).predictions(made.cells.probabilities, asked.top_k),
        "timing_ms": timing,
    }
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    record.answer_stage = Stage("answer", begin, time.perf_counter() - begin)
    stages = ", ".join(f"{name};dur={value:.2f}" for name, value in asdict(timing).items())
    return Response(body, headers={"Server-Timing": stages}, media_type="application/json")


def _timing(made: MadeMap, total_s: float) -> Timing:
    """In milliseconds; what is neither decoding nor the network is waiting."""
    queue_s = total_s - made.decode_s - made.inference_s
    seconds = made.decode_s, queue_s, made.inference_s, total_s
    return Timing(*(round(1000 * one, 3) for one in seconds))


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
