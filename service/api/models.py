"""``GET /models``: what is served, and each model's card and labels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from booth_client.wire import ModelSummary
from models.card import Card, Label
from service.api.openapi import PROBLEMS
from service.fleet.fleet import LoadedModel
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
        status: PROBLEMS[status] for status in (401, 404, 429, 503)
    }
    routes = APIRouter(prefix="/models", tags=["models"], responses=problems)
    routes.add_api_route("", front.served, methods=["GET"])
    routes.add_api_route("/{name}", front.card, methods=["GET"], response_model_exclude_none=True)
    routes.add_api_route(
        "/{name}/labels", front.labels, methods=["GET"], response_model_exclude_none=True
    )
    return routes


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
