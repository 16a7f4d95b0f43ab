"""``GET /models``: what is served, and each model's card and labels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from booth_client.wire import ModelSummary
from models.card import Card, Label
from service.api.openapi import PROBLEMS
from service.fleet.fleet import LoadedModel
from service.web.query import parameters
from service.web.state import ServiceState

__all__ = ["ModelList", "router"]

Version = Annotated[str | None, Query(description="which version; the newest if not given")]


class ModelList(BaseModel):
    """All loaded models; the default one first."""

    models: list[ModelSummary]


def router(state: ServiceState) -> APIRouter:
    """The front's routes."""
    front = _Front(state)
    problems: dict[int | str, dict[str, Any]] = {
        status: PROBLEMS[status] for status in (401, 404, 422, 429, 503)
    }
    routes = APIRouter(prefix="/models", tags=["models"], responses=problems)
    routes.add_api_route("", front.served, methods=["GET"], dependencies=[Depends(_only())])
    for path, answer in (("/{name}", front.card), ("/{name}/labels", front.labels)):
        routes.add_api_route(
            path,
            answer,
            methods=["GET"],
            response_model_exclude_none=True,
            dependencies=[Depends(_only("version"))],
        )
    return routes


def _only(*known: str) -> Callable[[Request], Awaitable[None]]:
    """What refuses other parameters, or one that is given twice."""

    async def check(request: Request) -> None:
        parameters(request.scope["query_string"], known)

    return check


class _Front:
    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def served(self) -> ModelList:
        """The models that are loaded."""
        default = self._state.model()
        loaded = self._state.fleet.loaded()
        return ModelList(models=[_summary(one, default=one is default) for one in loaded])

    async def card(self, name: str, version: Version = None) -> Card:
        """A model's card: all that is known about it."""
        return self._state.model(name, version).card

    async def labels(self, name: str, version: Version = None) -> tuple[Label, ...]:
        """A model's labels, in the order of its outputs."""
        return self._state.model(name, version).card.labels


def _summary(loaded: LoadedModel, *, default: bool) -> ModelSummary:
    card = loaded.card
    return ModelSummary(
        name=card.name,
        title=card.title,
        version=card.version,
        precision=card.precision,
        provider=loaded.classifier.session.provider,
        labels=len(card.labels),
        scene=card.is_scene_model,
        default=default,
    )
