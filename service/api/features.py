"""``POST /features``: photographs as numbers, near for those that are alike."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from booth_client.errors import BoothError
from models.card import Card
from service.api.inspecting import Inspecting, prefers
from service.api.openapi.features import FEATURES
from service.api.openapi.parameters import MOST_NAME, MOST_TIMEOUT_MS
from service.fleet.fleet import LoadedModel
from service.inspection.layer_features import LayerFeaturesTask
from service.web import problems
from service.web.query import merged, parameters, whole_number

__all__ = ["router"]

_NPY = "application/x-npy"

_Each: TypeAlias = Sequence[NDArray[np.float32] | BoothError]


def router(inspecting: Inspecting) -> APIRouter:
    """The front's route, with its place in the OpenAPI description."""
    routes = APIRouter()
    front = _Front(inspecting)
    routes.add_api_route("/features", front.features, methods=["POST"], **FEATURES)
    return routes


class _Front:
    def __init__(self, inspecting: Inspecting) -> None:
        self._inspecting = inspecting

    async def features(self, request: Request) -> Response:
        """The features of one photograph, or of several."""
        given_query = parameters(request.scope["query_string"], _KNOWN)
        query = _parsed(given_query)
        self._refuse_early(request, query)
        with await self._inspecting.answering.photographs(request, _KNOWN) as sent:
            if sent.fields:
                query = _parsed(merged(given_query, sent.fields))
            # While the body came, another may have been loaded in its place.
            model = self._inspecting.answering.model(request, query.model, query.version)
            each = await self._each(request, model, sent.photos, query)
            is_list = sent.is_list
        return _rendered(request, model.card, query.layer, each, is_list=is_list)

    def _refuse_early(self, request: Request, query: _Query) -> None:
        if query.layer:
            self._inspecting.model(request, query.model, query.version)
        else:
            answering = self._inspecting.answering
            answering.refuse_early(request, query.model, query.version, query.timeout_s)

    async def _each(
        self, request: Request, model: LoadedModel, photos: list[bytes], query: _Query
    ) -> _Each:
        if not query.layer:
            answering = self._inspecting.answering
            return await answering.features(request, model, photos, query.timeout_s)
        subject = self._inspecting.subject(model, photos, query.timeout_ms)
        made = await self._inspecting.answer(request, LayerFeaturesTask(subject, query.layer))
        return made.each


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request."""

    model: str | None = None
    version: str | None = None
    layer: str = ""
    timeout_ms: int | None = None

    @property
    def timeout_s(self) -> float | None:
        return self.timeout_ms / 1000 if self.timeout_ms else None


_KNOWN = tuple(_Query.__slots__)


def _parsed(given: dict[str, str]) -> _Query:
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        layer=given.get("layer", "")[:MOST_NAME],
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
    )


def _rendered(request: Request, card: Card, layer: str, each: _Each, *, is_list: bool) -> Response:
    if prefers(request, _NPY):
        return Response(_npy(each), media_type=_NPY)
    if is_list:
        content: Any = {"results": [_shown(request, card, layer, one) for one in each]}
    else:
        (one,) = each
        if isinstance(one, BoothError):
            raise one
        content = _shown(request, card, layer, one)
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")


def _shown(
    request: Request, card: Card, layer: str, one: NDArray[np.float32] | BoothError
) -> dict[str, Any]:
    if isinstance(one, BoothError):
        return problems.body_of(one, request)
    whose = {"model": card.name, "version": card.version}
    which = {"layer": layer} if layer else {}
    return {**whose, **which, "size": one.size, "features": one}


def _npy(each: _Each) -> bytes:
    """A file of N x D numbers.

    Raises:
        BoothError: something is wrong with a photograph, which a row of numbers can't say.

    """
    rows = []
    for one in each:
        if isinstance(one, BoothError):
            raise one
        rows.append(one)
    file = io.BytesIO()
    np.lib.format.write_array(file, np.stack(rows), version=(1, 0))
    return file.getvalue()
