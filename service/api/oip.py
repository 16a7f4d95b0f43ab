"""The Open Inference Protocol, version 2, over REST: what Triton's and KServe's clients speak.

Photographs come as tensors and the probabilities of all labels go back as one, or the first labels
as Triton's classification extension has them. The protocol knows one error for a whole request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version as version_of
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from booth_client.errors import BoothError, NotReady
from service.api.answering import Answering, Photographs
from service.api.openapi.oip import INFER, INFORMATION, REPOSITORY
from service.api.openapi.parameters import MOST_TIMEOUT_MS
from service.fleet.fleet import LoadedModel
from service.telemetry.record import Stage
from service.web import problems
from service.web.body import check_coding
from service.web.deflating import as_json
from service.web.infer import InferRequest, read_infer_request
from service.web.scope import record_of
from service.web.state import CAN_NOT_START, ServiceState
from service.web.tensors import EXTENSIONS, OutputTensor, metadata_of, outputs, timeout_s

__all__ = ["OpenInferenceFront", "asks_for_labels", "router"]

_HEADER = "Inference-Header-Content-Length"
_MODEL = "/v2/models/{name}"
_VERSION = _MODEL + "/versions/{version}"
_NAMED = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/infer|/ready)?")
_MOST_TIMEOUT_S = MOST_TIMEOUT_MS / 1000


def asks_for_labels(scope: Scope) -> bool:
    """Whether a request is an inference of this front's."""
    path: str = scope["path"]
    if not path.startswith("/v2/models/") or scope["method"] != "POST":
        return False
    found = _NAMED.fullmatch(path)
    return found is not None and found[3] == "/infer"


def router(front: OpenInferenceFront) -> APIRouter:
    """The front's routes, with their places in the OpenAPI description."""
    routes = APIRouter()
    get = partial(routes.add_api_route, methods=["GET"])
    get("/v2/health/live", front.live, **INFORMATION["live"])
    get("/v2/health/ready", front.ready, **INFORMATION["ready"])
    get("/v2", front.server, **INFORMATION["server"])
    get("/v2/", front.server, include_in_schema=False)  # no redirect: see the protocol's own file
    get("/v2/models", front.models, **INFORMATION["models"])
    for path, suffix in ((_MODEL, ""), (_VERSION, "_version")):
        get(f"{path}/ready", front.model_ready, **INFORMATION[f"model_ready{suffix}"])
        get(path, front.model, **INFORMATION[f"model{suffix}"])
        infer = INFER[f"infer{suffix}"]
        routes.add_api_route(f"{path}/infer", front.infer, methods=["POST"], **infer)
    routes.add_api_route("/v2/repository/index", front.index, methods=["POST"], **REPOSITORY)
    return routes


class OpenInferenceFront:
    """Answers all that the protocol asks."""

    def __init__(self, state: ServiceState, answering: Answering) -> None:
        self._state = state
        self._answering = answering

    async def live(self, request: Request) -> Response:
        """Whether the event loop runs, and the service can still become or stay ready."""
        if self._state.fatal:
            return problems.render(NotReady(CAN_NOT_START), request)
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Whether traffic is welcome, as `/readyz` tells."""
        reason = self._state.not_ready()
        if reason:
            return problems.render(NotReady(reason, retry_after_s=1), request)
        return _json({"ready": True, "live": True})

    async def server(self) -> Response:
        """What serves here, and which extensions of the protocol it knows."""
        return _json(
            {"name": "booth", "version": version_of("booth"), "extensions": list(EXTENSIONS)}
        )

    async def models(self) -> Response:
        """The names of the models that are loaded."""
        self._state.model()
        loaded = self._state.fleet.loaded()
        return _json({"models": list(dict.fromkeys(one.card.name for one in loaded))})

    async def model(self, request: Request) -> Response:
        """A model's inputs and outputs, and its versions."""
        model = self._model(request)
        loaded = self._state.fleet.loaded()
        versions = [one.card.version for one in loaded if one.card.name == model.card.name]
        return _json(metadata_of(model.card, versions))

    async def model_ready(self, request: Request) -> Response:
        """Whether a model can answer right now."""
        model = self._model(request)
        reason = model.classifier.not_ready()
        if reason:
            return problems.render(NotReady(reason, retry_after_s=1), request)
        return _json({"name": model.card.name, "ready": True})

    async def index(self) -> Response:
        """Every version of every model that is loaded, and whether it can answer."""
        self._state.model()
        return _json([_indexed(one) for one in self._state.fleet.loaded()])

    async def infer(self, request: Request) -> Response:
        """Label the photographs of a tensor."""
        check_coding(request)
        name, version = _named(request)
        # The body may allow it the longest time there is.
        self._answering.refuse_early(request, name, version, _MOST_TIMEOUT_S)
        await self._answering.give_way()
        parse = partial(
            read_infer_request,
            json_bytes=request.headers.get(_HEADER),
            max_photos=self._state.settings.max_photos,
        )
        asked, reservation = await self._answering.read(request, parse)
        with Photographs(asked.photos, True, {}, reservation):
            seconds = timeout_s(asked.parameters, _MOST_TIMEOUT_S)
            # While the body came, another may have been loaded in its place.
            model = self._answering.model(request, name, version)
            given = await self._answering.probabilities(request, model, asked.photos, seconds)
        return await _answer(request, model, asked, given)

    def _model(self, request: Request) -> LoadedModel:
        return self._state.model(*_named(request))


def _named(request: Request) -> tuple[str, str | None]:
    """The model and the version that the path names."""
    found = _NAMED.fullmatch(request.scope["path"])
    assert found  # noqa: S101 (as the routes have it)
    return found[1], found[2]


def _indexed(one: LoadedModel) -> dict[str, str]:
    reason = one.classifier.not_ready()
    state = {"state": "UNAVAILABLE", "reason": reason} if reason else {"state": "READY"}
    return {"name": one.card.name, "version": one.card.version, **state}


async def _answer(
    request: Request,
    model: LoadedModel,
    asked: InferRequest,
    given: Sequence[NDArray[np.float32] | BoothError],
) -> Response:
    start = time.perf_counter()
    rows = [_row(one, index, len(given)) for index, one in enumerate(given)]
    tensors = outputs(np.stack(rows), model.card.labels, asked.outputs)
    described = [_described(*one) for one in zip(tensors, asked.in_bytes, strict=True)]
    answer: dict[str, Any] = {
        "model_name": model.card.name,
        "model_version": model.card.version,
        **({} if asked.id is None else {"id": asked.id}),
        "outputs": [fields for fields, _ in described],
    }
    parts = [raw for _, raw in described if raw is not None]
    head = _dumped(answer)
    response = _binary(head, parts) if parts else await as_json(request, head)
    record_of(request.scope).answer_stage = Stage("answer", start, time.perf_counter() - start)
    return response


def _described(tensor: OutputTensor, in_bytes: bool) -> tuple[dict[str, Any], bytes | None]:
    """An output as it stands in the JSON, and the bytes of one that is wanted so."""
    fields = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
    if not in_bytes:
        return {**fields, "data": tensor.data()}, None
    raw = tensor.raw()
    return {**fields, "parameters": {"binary_data_size": len(raw)}}, raw


def _row(one: NDArray[np.float32] | BoothError, index: int, count: int) -> NDArray[np.float32]:
    """The probabilities of a photograph.

    Raises:
        BoothError: there are none; of several photographs it says of which.

    """
    if not isinstance(one, BoothError):
        return one
    if count > 1:
        one.detail = f"Element {index} of the input: {one.detail}"
    raise one


def _binary(head: bytes, parts: list[bytes]) -> Response:
    headers = {_HEADER: str(len(head))}
    return Response(b"".join((head, *parts)), 200, headers, "application/octet-stream")


def _json(content: Any) -> Response:
    return Response(_dumped(content), media_type="application/json")


def _dumped(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
