"""``GET /models``: what is served, its cards and labels; ``GET /sources``: what could be."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, TypeAdapter

from booth_client.wire import Accuracy, ModelSummary, Source
from models import sources
from models.card import Label
from models.labels import label_set
from service.api.openapi.models import CARD, LABELS, MODELS, SOURCES
from service.web.deflating import as_json
from service.web.query import parameters
from service.web.state import ServiceState
from service.web.summaries import summaries

__all__ = ["ModelList", "SourceList", "router"]

_LABELS = TypeAdapter(tuple[Label, ...])

Version = Annotated[str | None, Query(description="which version; the newest if not given")]


class ModelList(BaseModel):
    """All loaded models; the default one first."""

    models: list[ModelSummary]


class SourceList(BaseModel):
    """All published weights that Booth knows, the oldest architecture first."""

    sources: list[Source]


def router(state: ServiceState) -> APIRouter:
    """The front's routes."""
    front = _Front(state)
    routes = APIRouter()
    add = functools.partial(routes.add_api_route, methods=["GET"])
    nothing = [Depends(_only())]
    add("/models", front.served, dependencies=nothing, **MODELS)
    add("/sources", front.sources, dependencies=nothing, **SOURCES)
    add = functools.partial(add, dependencies=[Depends(_only("version"))])
    add("/models/{name}", front.card, **CARD)
    add("/models/{name}/labels", front.labels, **LABELS)
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
        return ModelList(models=summaries(self._state))

    async def sources(self, request: Request) -> Response:
        """The published weights that could be served as well, whether or not they are."""
        return await as_json(request, _sources())

    async def card(self, request: Request, name: str, version: Version = None) -> Response:
        """A model's card: all that is known about it."""
        card = self._state.model(name, version).card
        return await as_json(request, card.model_dump_json(exclude_none=True).encode())

    async def labels(self, request: Request, name: str, version: Version = None) -> Response:
        """A model's labels, in the order of its outputs."""
        labels = self._state.model(name, version).card.labels
        return await as_json(request, _LABELS.dump_json(labels, exclude_none=True))


@functools.cache
def _sources() -> bytes:
    by_year = sorted(sources.SOURCES.values(), key=lambda source: source.year)
    listed = SourceList(sources=[_described(source) for source in by_year])
    return listed.model_dump_json().encode()


def _described(source: sources.Source) -> Source:
    labels = label_set(source.label_set)
    published = source.published
    return Source(
        name=source.name,
        title=source.title,
        year=source.year,
        architecture=source.architecture,
        labels=len(labels),
        scene=all(label.kind for label in labels),
        parameters=source.parameters,
        multiply_adds=source.multiply_adds,
        published=Accuracy(**published.model_dump()) if published else None,
        origin=source.origin,
        licence=source.licence,
        command=source.command,
    )
