"""The two routes of Google's Vertex AI, which tells a container their paths by variables."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from service.api.labelling import Labelling, in_kind, rendered
from service.settings import Settings
from service.web.instances import IMAGES, Names
from service.web.state import ServiceState

__all__ = ["labels_asked_of", "router"]

_NAMES = Names(("instances", *IMAGES.photographs), '{"instances": [{"b64": "<base64>"}]}')


def router(state: ServiceState, labelling: Labelling) -> APIRouter:
    """The front's routes, as far as the settings name them.

    Where Booth has such a route already, that one has to come first, and answers alike.
    """
    routes = APIRouter(include_in_schema=False)  # they differ from service to service
    front = _Front(state, labelling)
    if state.settings.health_route:
        routes.add_api_route(state.settings.health_route, front.health, methods=["GET"])
    if state.settings.predict_route:
        routes.add_api_route(state.settings.predict_route, front.predict, methods=["POST"])
    return routes


def labels_asked_of(settings: Settings) -> Callable[[Scope], bool]:
    """What tells whether a request is this front's, and asks for labels."""
    route = settings.predict_route

    def asks_for_labels(scope: Scope) -> bool:
        return bool(route and scope["path"] == route and scope["method"] == "POST")

    return asks_for_labels


class _Front:
    def __init__(self, state: ServiceState, labelling: Labelling) -> None:
        self._state = state
        self._labelling = labelling

    async def health(self) -> Response:
        """Whether traffic is welcome: as ``/readyz``."""
        self._state.check_ready()
        return PlainTextResponse("ready\n")

    async def predict(self, request: Request) -> Response:
        """Label each instance; or a photograph as it is, which is a raw prediction."""
        labelled = await self._labelling.ask(request, _NAMES, {})
        return rendered(request, labelled.results, lambda: in_kind(labelled, request))
