"""``/models/{name}/rollout``: which versions answer, and which are only compared; read and set."""

from __future__ import annotations

import logging

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from booth_client.errors import InvalidParameter
from service.api.openapi.rollout import GET_ROLLOUT, PUT_ROLLOUT
from service.fleet.json_object import BadObject, read_object
from service.fleet.rollout import EXAMPLE, Plan, plan_of
from service.web.body import read_body
from service.web.management import check_management
from service.web.query import parameters
from service.web.scope import client_of, record_of
from service.web.state import ServiceState

__all__ = ["router"]

log = logging.getLogger(__name__)

_MOST_BYTES = 65_536


def router(state: ServiceState) -> APIRouter:
    """The front's routes, with their places in the OpenAPI description."""
    front = _Front(state)
    described = bool(state.settings.management_keys)  # else there is no such route
    routes = APIRouter(prefix="/models/{name}", include_in_schema=described)
    routes.add_api_route("/rollout", front.read, methods=["GET"], **GET_ROLLOUT)
    routes.add_api_route("/rollout", front.put, methods=["PUT"], **PUT_ROLLOUT)
    return routes


class _Front:
    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def read(self, request: Request, name: str) -> Response:
        """A model's rollout."""
        self._check(request)
        return self._shown(name)

    async def put(self, request: Request, name: str) -> Response:
        """Replace it, until the service ends or the repository's changes."""
        self._check(request)
        try:
            plan = plan_of(read_object(await self._body(request), EXAMPLE, "The body"), name)
            self._state.rollout.put(name, plan)
        except BadObject as error:
            raise InvalidParameter(str(error)) from None
        log.info("%s, request_id=%s", _told(name, plan), record_of(request.scope).request_id)
        return self._shown(name)

    def _check(self, request: Request) -> None:
        check_management(request, self._state)
        parameters(request.scope["query_string"], ())

    async def _body(self, request: Request) -> bytes:
        timeout_s = self._state.settings.body_timeout_ms / 1000
        with self._state.memory.reserve(0, client_of(request.scope)) as reservation:
            return await read_body(request, reservation, _MOST_BYTES, timeout_s)

    def _shown(self, name: str) -> Response:
        """The rollout of a model that is loaded, or has one.

        Raises:
            UnknownModel: neither.

        """
        plan, set_by = self._state.rollout.plan(name)
        versions = [*self._state.fleet.versions(name)]
        if not (versions or set_by):
            self._state.model(name)
        shown = {
            "model": name,
            "weights": plan.weights,
            "shadow": plan.shadow,
            "shares": plan.shares(versions),
            "set_by": set_by,
        }
        return Response(orjson.dumps(shown), media_type="application/json")


def _told(name: str, plan: Plan) -> str:
    return f"the rollout of {name}: weights {dict(plan.weights)}, shadow {dict(plan.shadow)}"
