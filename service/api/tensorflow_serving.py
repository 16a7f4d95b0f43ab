"""``POST /v1/models/{model}:predict``, and what TensorFlow Serving and KServe tell of a model.

Both protocols share their addresses, and the fields of one answer are none of the other's.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from service.api.labelling import Labelling, rendered, shown
from service.api.openapi.tensorflow_serving import (
    NAMES,
    PREDICT,
    PREDICT_VERSION,
    STATUS,
    STATUS_VERSION,
)
from service.fleet.fleet import LoadedModel
from service.web.instances import Names
from service.web.query import parameters
from service.web.state import ServiceState

__all__ = ["asks_for_labels", "router"]

_MODELS = "/v1/models"
_PREDICT = ":predict"
_PREDICTS = re.compile(r"/v1/models/[^/]+(/versions/[^/]+)?:predict")
_NAMES = Names(
    ("instances", "inputs"),
    '{"instances": [{"b64": "<base64>"}]}',
    passed_over=("signature_name",),
)


def router(state: ServiceState, labelling: Labelling) -> APIRouter:
    """The front's routes."""
    routes = APIRouter()
    front = _Front(state, labelling)
    get = functools.partial(routes.add_api_route, methods=["GET"])
    post = functools.partial(routes.add_api_route, methods=["POST"])
    model, one_version = _MODELS + "/{name}", _MODELS + "/{name}/versions/{version}"
    get(_MODELS, front.names, **NAMES)
    post(model + _PREDICT, front.predict, **PREDICT)
    post(one_version + _PREDICT, front.predict, **PREDICT_VERSION)
    get(model, front.status, **STATUS)
    get(one_version, front.status, **STATUS_VERSION)
    return routes


def asks_for_labels(scope: Scope) -> bool:
    """Whether a request is this front's, and asks for labels."""
    return bool(scope["method"] == "POST" and _PREDICTS.fullmatch(scope["path"]))


class _Front:
    def __init__(self, state: ServiceState, labelling: Labelling) -> None:
        self._state = state
        self._labelling = labelling

    async def names(self, request: Request) -> dict[str, list[str]]:
        """The names of the models that are loaded, as KServe lists them."""
        parameters(request.scope["query_string"], ())
        self._state.model()
        names = dict.fromkeys(one.card.name for one in self._state.fleet.loaded())
        return {"models": [*names]}

    async def status(
        self, request: Request, name: str, version: str | None = None
    ) -> dict[str, Any]:
        """Whether a model is there: ``ready`` for KServe, the rest for TensorFlow Serving."""
        if name.endswith(_PREDICT) or (version or "").endswith(_PREDICT):
            raise HTTPException(405, headers={"Allow": "POST"})
        parameters(request.scope["query_string"], ())
        model = self._state.model(name, version)
        loaded = [one for one in self._state.fleet.loaded() if one.card.name == name]
        told = loaded if version is None else [model]
        return {"name": name, "ready": True, "model_version_status": list(map(_status, told))}

    async def predict(self, request: Request, name: str, version: str | None = None) -> Response:
        """Label each instance. Columns come back as ``outputs``, all else as ``predictions``."""
        given = {"model": name} if version is None else {"model": name, "version": version}
        labelled = await self._labelling.ask(request, _NAMES, given)

        def content() -> Any:
            answers = [shown(one, request) for one in labelled.results.results]
            if labelled.name != "inputs":
                return {"predictions": answers}
            return {"outputs": answers if labelled.is_list else answers[0]}

        return rendered(request, labelled.results, content)


def _status(model: LoadedModel) -> dict[str, Any]:
    return {
        "version": model.card.version,
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
