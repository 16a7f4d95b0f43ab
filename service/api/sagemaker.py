"""``/ping`` and ``/invocations``: what Amazon SageMaker asks of a container."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from booth_client.errors import InvalidParameter
from service.api.labelling import PARAMETERS, Labelling, in_kind, in_lists, rendered
from service.api.openapi.sagemaker import INVOKE, PING
from service.web.instances import IMAGES, Names
from service.web.state import ServiceState

__all__ = ["asks_for_labels", "router"]

_PATH = "/invocations"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_MOST = 1024  # characters of them, as SageMaker has it
_NAMES = Names(
    (*IMAGES.photographs, "inputs", "instances"), IMAGES.example, passed_over=("signature_name",)
)
_KNOWN = (*PARAMETERS, "function_to_apply")


def router(state: ServiceState, labelling: Labelling) -> APIRouter:
    """The front's routes."""
    routes = APIRouter()
    front = _Front(state, labelling)
    routes.add_api_route("/ping", front.ping, methods=["GET"], **PING)
    routes.add_api_route(_PATH, front.invoke, methods=["POST"], **INVOKE)
    return routes


def asks_for_labels(scope: Scope) -> bool:
    """Whether a request is this front's, and asks for labels."""
    return bool(scope["path"] == _PATH and scope["method"] == "POST")


class _Front:
    def __init__(self, state: ServiceState, labelling: Labelling) -> None:
        self._state = state
        self._labelling = labelling

    async def ping(self) -> Response:
        """Whether traffic is welcome: as ``/readyz``."""
        self._state.check_ready()
        return PlainTextResponse("ready\n")

    async def invoke(self, request: Request) -> Response:
        """Label one photograph, or several; the answer has the form of the question."""
        attributes = request.headers.get(_ATTRIBUTES, "")
        labelled = await self._labelling.ask(
            request, _NAMES, _parameters(attributes), _KNOWN, f"the header {_ATTRIBUTES}"
        )

        def content() -> Any:
            kind = in_lists if labelled.name == "inputs" else in_kind
            return kind(labelled, request)

        response = rendered(request, labelled.results, content)
        if attributes:
            response.headers[_ATTRIBUTES] = attributes
        return response


def _parameters(attributes: str) -> dict[str, str]:
    """Those among the attributes; others are for whom the caller has agreed on them with.

    Raises:
        InvalidParameter: they are too long, or have one twice.

    """
    if len(attributes) > _MOST:
        raise InvalidParameter(f"{_ATTRIBUTES} has more than {_MOST} characters; send less.")
    given: dict[str, str] = {}
    for part in attributes.split(","):
        name, _, value = map(str.strip, part.partition("="))
        if name in _KNOWN:
            if name in given:
                raise InvalidParameter(f"{name} is given more than once; send it once.")
            given[name] = value
    return given
