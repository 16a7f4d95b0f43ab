"""How ``/classify`` stands in the OpenAPI description: it reads its request itself."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from booth_client.wire import ExplainedAnswer, LabelMap
from service.engine.explanation import MOST_LABELS, PARTS
from service.engine.label_map import MOST_SCALE
from service.web.problems import MEDIA_TYPE, PROBLEM_SCHEMA

__all__ = ["CLASSIFY", "LABEL_MAP", "MOST_TIMEOUT_MS", "PROBLEMS"]

# Longer than anybody waits for a picture's label; who waits holds a place in the queue.
MOST_TIMEOUT_MS = 60_000

BINARY = {"type": "string", "format": "binary"}
BASE64 = {"type": "string", "description": "base64, or a data: URL"}
ANSWER = TypeAdapter(ExplainedAnswer).json_schema(mode="serialization")
DEFINITIONS = ANSWER.pop("$defs")

# One schema for all kinds of prediction: code is generated better from an optional property.
DEFINITIONS["Prediction"]["properties"]["basis"] = {
    **DEFINITIONS["PredictionWithBasis"]["properties"]["basis"],
    "description": "What the label was learned from: labelled photographs; or another network's "
    "answers alone (distilled), so that its confidence is unmeasured. Left out where the model's "
    "card does not say.",
}
DEFINITIONS["Prediction"]["properties"]["region"] = {"$ref": "#/$defs/Region"}
ANSWER["properties"]["predictions"]["items"] = {"$ref": "#/$defs/Prediction"}
# Likewise what is left out of an answer unless it is asked for.
ANSWER["required"].remove("view")
for name, schema in ANSWER["properties"].items():
    if name not in ANSWER["required"] and "anyOf" in schema:
        ANSWER["properties"][name] = schema["anyOf"][0]


def _inlined(schema: Any) -> Any:
    """The schema with its references replaced by what they name: it stands alone in a response."""
    if isinstance(schema, list):
        return [_inlined(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(DEFINITIONS[schema["$ref"].rpartition("/")[2]])
    return {key: _inlined(value) for key, value in schema.items()}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}


def _parameter(
    name: str, schema: dict[str, Any], description: str, where: str = "query"
) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": schema, "description": description}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("bad-image: empty, or cannot be decoded"),
    401: _problem("unauthorized"),
    404: _problem("unknown-model, unknown-version"),
    408: _problem("slow-body"),
    413: _problem("too-large, too-many-pixels, too-many-photos"),
    415: _problem("unsupported-format"),
    422: _problem("invalid-parameter"),
    429: _problem("rate-limited"),
    500: _problem("internal"),
    503: _problem("overloaded, starting, shutting-down"),
    504: _problem("deadline"),
}

_ETAG = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "of the answer to a single photograph, where the service has a cache",
    }
}
_ANSWER = _inlined(ANSWER)
_RESULTS = {
    "type": "object",
    "required": ["results"],
    "properties": {"results": {"type": "array", "items": {"anyOf": [_ANSWER, PROBLEM_SCHEMA]}}},
}

# Of the query; a form's fields and JSON's have the same names.
_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"type": "string"}, "which model; the default one if not given"),
    "version": ({"type": "string"}, "which version; the newest if not given"),
    "top_k": (
        {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5},
        f"how many labels; {MOST_LABELS} at most where something is to be explained",
    ),
    "timeout_ms": (
        {"type": "integer", "minimum": 1, "maximum": MOST_TIMEOUT_MS},
        "after how long the answer is of no use any more",
    ),
    "explain": (
        {"type": "string", "pattern": f"^({'|'.join(PARTS)})(,({'|'.join(PARTS)}))*$"},
        f"what led to the answer: some of {', '.join(PARTS)}, with commas between them",
    ),
}


def _fields(parameters: dict[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    return {name: {**schema, "description": text} for name, (schema, text) in parameters.items()}


_FIELDS = _fields(_PARAMETERS)


def _body(
    required: str, schema: dict[str, Any], fields: dict[str, Any] = _FIELDS
) -> dict[str, Any]:
    """A body with its photographs in one field, and parameters in others."""
    return {
        "type": "object",
        "required": [required],
        "additionalProperties": False,
        "properties": {required: schema, **fields},
    }


CLASSIFY: dict[str, Any] = {
    "responses": {
        200: {
            "description": "An answer for one photograph; for several, `results` in their order.",
            "headers": _ETAG,
            "content": {"application/json": {"schema": {"anyOf": [_ANSWER, _RESULTS]}}},
        },
        304: {
            "description": "The answer that the client has still holds. RFC 9110 has 412 for POST, "
            "but this one only asks, as a GET does.",
            "headers": _ETAG,
        },
        **PROBLEMS,
    },
    "openapi_extra": {
        "parameters": [
            *(_parameter(name, schema, text) for name, (schema, text) in _PARAMETERS.items()),
            _parameter(
                "If-None-Match",
                {"type": "string"},
                "ETags of answers that the client has, of a service with a cache",
                "header",
            ),
            _parameter(
                "Cache-Control",
                {"type": "string"},
                "no-cache: ask the network again; no-store: keep no answer to this",
                "header",
            ),
        ],
        "requestBody": {
            "required": True,
            "description": "The photograph itself; or a form with file parts of any name; or "
            "base64 in JSON. A parameter stands in the query, or beside the photograph in a form "
            "or JSON.",
            "content": {
                "image/*": {"schema": BINARY},
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {"photo": BINARY, **_FIELDS}}
                },
                "application/json": {
                    "schema": {
                        "anyOf": [
                            _body("image", BASE64),
                            _body("images", {"type": "array", "minItems": 1, "items": BASE64}),
                        ]
                    }
                },
            },
        },
    },
}

_MAP = TypeAdapter(LabelMap).json_schema(mode="serialization")
DEFINITIONS |= {name: one for name, one in _MAP.pop("$defs").items() if name not in DEFINITIONS}
_MAP["properties"]["predictions"]["items"] = {"$ref": "#/$defs/Prediction"}

_MAP_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    **{name: one for name, one in _PARAMETERS.items() if name != "explain"},
    "step": (
        {"type": "integer", "minimum": 1},
        "pixels of the network's input between two cells: its stride if not given, or 16, 8, 4",
    ),
    "scale": (
        {"type": "integer", "minimum": 1, "maximum": MOST_SCALE, "default": 1},
        "the photograph's shorter side is so many times that of the network's input",
    ),
}
_MAP_FIELDS = _fields(_MAP_PARAMETERS)

LABEL_MAP: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The cells of the whole photograph, each with its first labels.",
            "content": {"application/json": {"schema": _inlined(_MAP)}},
        },
        **PROBLEMS,
    },
    "openapi_extra": {
        "parameters": [
            _parameter(name, schema, text) for name, (schema, text) in _MAP_PARAMETERS.items()
        ],
        "requestBody": {
            "required": True,
            "description": "One photograph, in any of the forms that `/classify` takes.",
            "content": {
                "image/*": {"schema": BINARY},
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {"photo": BINARY, **_MAP_FIELDS}}
                },
                "application/json": {"schema": _body("image", BASE64, _MAP_FIELDS)},
            },
        },
    },
}
