"""The whole of ``/openapi.json``, put together of what each route tells of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from service.api.openapi import (
    activations,
    classify,
    features,
    hugging_face,
    label_map,
    labelling,
    management,
    models,
    occlusion,
    oip,
    problems,
    rollout,
    tensorflow_serving,
)
from service.api.openapi.operations import BEARER
from service.api.openapi.schemas import WIRE

__all__ = ["FRONTS", "document", "security"]

# Those that have schemas of their own.
FRONTS = (
    *(problems, classify, label_map, activations, occlusion, features, models),
    *(labelling, hugging_face, tensorflow_serving, oip, rollout, management),
)
_SCHEMAS: dict[str, Any] = WIRE | {
    name: schema for front in FRONTS for name, schema in front.SCHEMAS.items()
}

_TAGS = {
    "classify": "Photographs in, labels out.",
    "inspect": "What the units inside a network answer to a photograph.",
    "models": "What is served, and what it is made of.",
    "open inference": "What clients of Triton and KServe speak, version 2 of the protocol.",
    labelling.TAG: "Photographs in, labels out, as clients of other services have it.",
    "manage": "Which models are loaded, and which versions answer. Asks for a management key.",
    "health": "For probes and scrapers: without a key, and never in a queue.",
}

_INFO = {
    "title": "Booth API",  # generators name the client by it, and `booth_client` is taken
    "summary": "A photograph in, labels with confidences out.",
    "description": "An inference service for image classification. A photograph is sent as it is, "
    "in a form, or in JSON; the answer has the most likely labels, each with its confidence. Every "
    "error has the one shape of RFC 9457: `application/problem+json`, whose `detail` says what was "
    "wrong and what would be right.",
    "contact": {"name": "Who runs this service"},
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}


def document(routes: Iterable[BaseRoute], version: str) -> dict[str, Any]:
    """The description of these routes, but for where they are and who may ask.

    Raises:
        LookupError: nothing is told of one of them.

    """
    paths: dict[str, Any] = {}
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            if not route.openapi_extra:
                raise LookupError(f"Nothing is told of {route.path}; describe it, or leave it out.")
            for method in route.methods or ():
                paths.setdefault(route.path, {})[method.lower()] = route.openapi_extra
    components = _used(paths)
    components["securitySchemes"] = {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of the service's. Where it has none, anybody may ask.",
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {**_INFO, "version": version},
        "tags": _tags(paths),
        "paths": paths,
        "components": components,
    }


def security(*, has_keys: bool) -> list[dict[str, list[str]]]:
    """Who may ask: who has a key; or anybody, where there are none."""
    with_key: list[dict[str, list[str]]] = [{BEARER: []}]
    return with_key if has_keys else [*with_key, {}]


def _tags(paths: dict[str, Any]) -> list[dict[str, str]]:
    used = {tag for item in paths.values() for one in item.values() for tag in one["tags"]}
    return [{"name": name, "description": text} for name, text in _TAGS.items() if name in used]


def _used(paths: dict[str, Any]) -> dict[str, Any]:
    """The schemas and responses that some route refers to, be it by way of others."""
    known = {"schemas": _SCHEMAS, "responses": problems.RESPONSES}
    found: dict[str, dict[str, Any]] = {"schemas": {}, "responses": {}}
    waiting = list(_references(paths))
    while waiting:
        kind, name = waiting.pop().split("/")[-2:]
        if name not in found[kind]:
            found[kind][name] = known[kind][name]
            waiting += _references(known[kind][name])
    return {kind: dict(sorted(one.items())) for kind, one in found.items()}


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _references(one)
