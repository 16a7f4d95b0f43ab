"""Load and unload models over HTTP, as Booth's own routes and as Triton's clients ask for it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, Protocol

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from booth_client.errors import InvalidParameter
from booth_client.wire import ModelSummary
from service.api.openapi.management import LOAD, TRITON_LOAD, TRITON_UNLOAD, UNLOAD
from service.web.body import read_body
from service.web.management import check_management
from service.web.query import check_name, parameters
from service.web.scope import client_of, record_of
from service.web.state import ServiceState
from service.web.summaries import summaries

__all__ = ["Manager", "router"]

log = logging.getLogger(__name__)

_MOST_BYTES = 65_536
_MOST_VERSION = 32  # characters, as in a card
_OF_A_MODEL = "/models/{name}"
_OF_TRITON = "/v2/repository/models/{name}"


class Manager(Protocol):
    """What loads and unloads; each raises what the answer has to say."""

    async def load(self, name: str, version: str | None = None) -> None:
        """Load the newest file of a model, or of one version."""

    async def unload(self, name: str, version: str | None = None) -> None:
        """Unload a model, or one version of it."""


def router(state: ServiceState, manager: Manager) -> APIRouter:
    """The front's routes."""
    front = _Front(state, manager)
    described = bool(state.settings.management_keys)  # else there are no such routes
    routes = APIRouter(include_in_schema=described)
    for path, answer, told in (
        (f"{_OF_A_MODEL}/load", front.load, LOAD),
        (f"{_OF_A_MODEL}/unload", front.unload, UNLOAD),
        (f"{_OF_TRITON}/load", front.load_for_triton, TRITON_LOAD),
        (f"{_OF_TRITON}/unload", front.unload_for_triton, TRITON_UNLOAD),
    ):
        routes.add_api_route(path, answer, methods=["POST"], **told)
    return routes


class _Front:
    def __init__(self, state: ServiceState, manager: Manager) -> None:
        self._state = state
        self._manager = manager

    async def load(self, request: Request, name: str) -> Response:
        """Load the newest file of a model, or of one version."""
        version = _version(await self._sent(request, ("version",)))
        await self._manager.load(name, version)
        return self._loaded(request, "load", name)

    async def unload(self, request: Request, name: str) -> Response:
        """Unload a model, or one version of it."""
        version = _version(await self._sent(request, ("version",)))
        await self._manager.unload(name, version)
        return self._loaded(request, "unload", name)

    async def load_for_triton(self, request: Request, name: str) -> Response:
        """As Triton's clients ask for it; its parameters would bring the model along."""
        if await self._parameters(request):
            raise InvalidParameter(
                "A model comes from the repository with all it needs; leave config and files out."
            )
        await self._manager.load(name)
        return self._loaded(request, "load", name)

    async def unload_for_triton(self, request: Request, name: str) -> Response:
        """As Triton's clients ask for it; nothing here depends on another model."""
        for parameter, value in (await self._parameters(request)).items():
            check_name(parameter, ("unload_dependents",))
            if not isinstance(value, bool):
                raise InvalidParameter("unload_dependents must be true or false.")
        await self._manager.unload(name)
        return self._loaded(request, "unload", name)

    async def _parameters(self, request: Request) -> Mapping[str, Any]:
        found = (await self._sent(request, ("parameters",))).get("parameters", {})
        if not isinstance(found, dict):
            raise InvalidParameter("parameters must be an object of the JSON.")
        return found

    async def _sent(self, request: Request, known: Collection[str]) -> Mapping[str, Any]:
        """The fields of the body, which may be empty, of who may manage."""
        check_management(request, self._state)
        parameters(request.scope["query_string"], ())
        timeout_s = self._state.settings.body_timeout_ms / 1000
        with self._state.memory.reserve(0, client_of(request.scope)) as reservation:
            body = await read_body(request, reservation, _MOST_BYTES, timeout_s)
        try:
            fields = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):
            raise InvalidParameter("The body must be an object of JSON, or empty.")
        for field in fields:
            check_name(field, known)
        return fields

    def _loaded(self, request: Request, done: str, name: str) -> Response:
        request_id = record_of(request.scope).request_id
        log.info("%s of %s, request_id=%s", done, name, request_id)
        return Response(_as_json(summaries(self._state)), media_type="application/json")


def _version(fields: Mapping[str, Any]) -> str | None:
    version = fields.get("version")
    if version is not None and not (isinstance(version, str) and 0 < len(version) <= _MOST_VERSION):
        raise InvalidParameter(f"version must be a string of 1 to {_MOST_VERSION} characters.")
    return version


def _as_json(models: list[ModelSummary]) -> bytes:
    return orjson.dumps({"models": models})
