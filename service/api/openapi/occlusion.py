"""``POST /occlusion``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import photographs, schemas_of
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import LAYER, MOST_INDEX, READING, Parameters, in_query
from service.api.openapi.problems import PHOTOGRAPHS
from service.api.openapi.schemas import ref

__all__ = ["OCCLUSION", "SCHEMAS"]

_INDEX = {"type": "integer", "minimum": 0, "maximum": MOST_INDEX}
_PARAMETERS: Parameters = {
    **READING,
    "layer": (LAYER, "a name of `/models/{name}/layers`"),
    "unit": (_INDEX, "of the layer, counted from 0"),
    "row": (_INDEX, "of the layer's output; where the unit answers most if not given"),
    "column": (_INDEX, "likewise; both or none"),
}

SCHEMAS = schemas_of("Occlusion", _PARAMETERS, several=False)

_EXAMPLE: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "view": {"width": 600, "height": 400, "box": [0, 0, 600, 400]},
    "layer": "conv9",
    "unit": 0,
    "at": [25, 15],
    "value": 38.342,
    "box": [181.2, 204.2, 34.4, 22.9],
    "occlusion": {
        "rows": 1,
        "columns": 2,
        "box": [181.2, 204.2, 34.4, 22.9],
        "patch": [6.2, 4.2],
        "drop": [[2.1134, 2.7172]],
    },
    "centre": [198.1, 215.6],
    "timing_ms": {"decode": 1.4, "queue": 0.2, "inference": 42.9, "total": 44.5},
}

OCCLUSION = operation(
    "get_occlusion",
    "inspect",
    "Find what of a photograph matters to a unit",
    "What a unit's value loses where a grey patch covers a part of what the unit sees.",
    answers={"200": answered("What is lost, and where.", json_answer(ref("Occlusion"), _EXAMPLE))},
    problems=PHOTOGRAPHS,
    parameters=in_query(_PARAMETERS),
    body=photographs("Occlusion", several=False),
)
