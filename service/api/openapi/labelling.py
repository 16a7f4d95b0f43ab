"""What the routes share that label photographs in other services' JSON."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import PIXEL
from service.api.openapi.parameters import LABELLING, Parameters, fields
from service.api.openapi.schemas import BASE64, BINARY, array_of, named, ref

__all__ = ["INSTANCES", "MODEL_NAMED", "PREDICTIONS", "SCHEMAS", "TAG", "body", "with_parameters"]

TAG = "other clients"
# Of a route whose path names the model, and perhaps the version.
MODEL_NAMED: Parameters = {name: one for name, one in LABELLING.items() if name != "model"}

_EITHER = {"anyOf": [ref("Answer"), ref("Problem")]}
PREDICTIONS = ref("Predictions")
INSTANCES = {"instances": [{"b64": PIXEL}], "parameters": {"top_k": 3}}

SCHEMAS = {
    "Instance": {
        "description": "A photograph in base64, alone or as `b64`.",
        "anyOf": [BASE64, ref("EncodedPhotograph")],
    },
    **named("EncodedPhotograph", required=("b64",), b64=BASE64),
    **named(
        "Predictions",
        required=("predictions",),
        predictions={
            **array_of(_EITHER),
            "description": "for each instance its answer, or what went wrong with it",
        },
    ),
}


def with_parameters(parameters: Parameters, *required: str, **photographs: Any) -> dict[str, Any]:
    """The schema of JSON with photographs under these names, and an object of parameters."""
    nested = {"type": "object", "additionalProperties": False, "properties": fields(parameters)}
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": {**photographs, "parameters": nested, **fields(parameters)},
    }


def body(description: str, schema: dict[str, Any], **examples: Any) -> dict[str, Any]:
    """The body of a request: JSON of a schema, or one photograph as it is."""
    shown = {name: {"value": value} for name, value in examples.items()}
    return {
        "required": True,
        "description": description,
        "content": {
            "application/json": {"schema": schema, "examples": shown},
            "application/octet-stream": {"schema": BINARY},
            "image/*": {"schema": BINARY},
        },
    }
