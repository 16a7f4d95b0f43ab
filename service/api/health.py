"""``/livez``, ``/readyz``, ``/metrics``: no key, no queue, no model run.

They ignore parameters, for probes and scrapers add some of their own.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from prometheus_client.exposition import choose_encoder
from starlette.responses import PlainTextResponse, Response

from booth_client.errors import NotReady
from service.api.openapi.health import LIVE, METRICS, READY
from service.web import problems
from service.web.state import CAN_NOT_START, ServiceState

__all__ = ["router"]


def router(state: ServiceState) -> APIRouter:
    """The front's routes."""
    front = _Front(state)
    routes = APIRouter(default_response_class=PlainTextResponse)
    routes.add_api_route("/livez", front.livez, methods=["GET"], **LIVE)
    routes.add_api_route("/readyz", front.readyz, methods=["GET"], **READY)
    routes.add_api_route("/metrics", front.metrics, methods=["GET"], **METRICS)
    return routes


class _Front:
    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def livez(self, request: Request) -> Response:
        """Whether the event loop runs, and the service can still become or stay ready."""
        if self._state.fatal:
            return problems.render(NotReady(CAN_NOT_START), request)
        return PlainTextResponse("alive\n")

    async def readyz(self) -> Response:
        """Whether traffic is welcome: models loaded and warm, batching threads alive and moving."""
        self._state.check_ready()
        return PlainTextResponse("ready\n")

    async def metrics(self, request: Request) -> Response:
        """What Prometheus scrapes."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        page = await asyncio.to_thread(encode, self._state.metrics.registry)
        return Response(page, headers={"Content-Type": content_type})
