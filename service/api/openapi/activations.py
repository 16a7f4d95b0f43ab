"""``POST /activations``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import photographs, schemas_of
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import LABELLING, MOST_NAME, NUMBERS, Parameters, in_query
from service.api.openapi.problems import PHOTOGRAPHS
from service.api.openapi.schemas import BINARY, ref
from service.inspection.activations import MAPS, MOST_LAYERS, MOST_UNITS

__all__ = ["ACTIVATIONS", "SCHEMAS"]

_PARAMETERS: Parameters = {
    **LABELLING,
    "layer": (
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MOST_LAYERS * (MOST_NAME + 1),
            "examples": ["conv9"],
        },
        f"names of `/models/{{name}}/layers`, with commas; {MOST_LAYERS} at most, or * for all",
    ),
    "units": (
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_UNITS},
                {"type": "string", "const": "all"},
            ],
        },
        "so many units of each layer, those of the largest values first, 12 if not given; or all",
    ),
    "unit": (NUMBERS, "these units instead, counted from 0, with commas between them"),
    "maps": (
        {"type": "string", "enum": list(MAPS)},
        "the units' maps as rows of numbers, or as grey pictures; if not given, none",
    ),
}

SCHEMAS = schemas_of("Activations", _PARAMETERS, several=False)

_EXAMPLE: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "view": {"width": 600, "height": 400, "box": [0, 0, 600, 400]},
    "layers": [
        {
            "layer": "conv9",
            "shape": [48, 48, 24],
            "units": [
                {
                    "unit": 0,
                    "value": 38.342,
                    "mean": 1.5593,
                    "at": [25, 15],
                    "box": [181.2, 204.2, 34.4, 22.9],
                }
            ],
        }
    ],
    "predictions": [
        {"label": "Coffee shop", "category": "coffee_shop", "index": 99, "confidence": 0.934131}
    ],
    "timing_ms": {"decode": 1.4, "queue": 0.2, "inference": 12.9, "total": 14.5},
}

ACTIVATIONS = operation(
    "get_activations",
    "inspect",
    "Tell what a layer's units answer",
    "What some units of some layers answer to one photograph. With `Accept: image/png`, one sheet "
    "of the units' maps, of one layer.",
    answers={
        "200": answered(
            "The units' values, and where they are largest; or the sheet.",
            {**json_answer(ref("Activations"), _EXAMPLE), "image/png": {"schema": BINARY}},
        )
    },
    problems=PHOTOGRAPHS,
    parameters=in_query(_PARAMETERS),
    body=photographs("Activations", several=False),
)
