"""The bodies that photographs come in: bytes alone, a form, or JSON; and their schemas."""

from __future__ import annotations

from typing import Any

from service.api.openapi.parameters import Parameters, fields
from service.api.openapi.schemas import BASE64, BINARY, array_of, ref

__all__ = ["PIXEL", "photographs", "schemas_of"]

# A GIF of one pixel, so that the examples can be sent as they are.
PIXEL = "R0lGODdhAQABAIEAAP///wAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw=="

_BASE64 = BASE64 | {"examples": [PIXEL]}


def photographs(name: str, *, several: bool) -> dict[str, Any]:
    """The body of a route, whose schemas are ``schemas_of`` the same name."""
    how_many = "Photographs" if several else "One photograph"
    return {
        "required": True,
        "description": f"{how_many}: its bytes alone, whatever the `Content-Type` says; or a form "
        "with file parts of any name; or base64 in JSON. A parameter stands in the query, or "
        "beside the photograph in a form or JSON.",
        "content": {
            "application/octet-stream": {"schema": BINARY},
            "image/*": {"schema": BINARY},
            "multipart/form-data": {"schema": ref(f"{name}Form")},
            "application/json": _json(name, several=several),
        },
    }


def _json(name: str, *, several: bool) -> dict[str, Any]:
    one: dict[str, Any] = {"one": {"summary": "One photograph", "value": {"image": PIXEL}}}
    if not several:
        return {"schema": ref(f"{name}Image"), "examples": one}
    two = {"summary": "Several photographs", "value": {"images": [PIXEL, PIXEL]}}
    schemas = [ref(f"{name}Image"), ref(f"{name}Images")]
    return {"schema": {"anyOf": schemas}, "examples": {**one, "several": two}}


def schemas_of(name: str, parameters: Parameters, *, several: bool) -> dict[str, Any]:
    """The schemas of a form and of JSON with these parameters beside the photographs."""
    beside = fields(parameters)
    form = array_of(BINARY, minItems=1) if several else BINARY
    photo = {**form, "description": "the photograph; a part of another name is one as well"}
    found = {
        f"{name}Form": {
            "type": "object",
            "required": ["photo"],
            "properties": {"photo": photo, **beside},
        },
        f"{name}Image": _object("image", _BASE64, beside),
    }
    if several:
        found[f"{name}Images"] = _object("images", array_of(_BASE64, minItems=1), beside)
    return found


def _object(required: str, schema: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [required],
        "additionalProperties": False,
        "properties": {required: schema, **beside},
    }
