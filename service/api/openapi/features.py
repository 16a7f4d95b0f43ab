"""``POST /features``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import photographs, schemas_of
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import LAYER, READING, Parameters, in_query
from service.api.openapi.problems import PHOTOGRAPHS, problem_of
from service.api.openapi.schemas import BINARY, array_of, named, ref

__all__ = ["FEATURES", "SCHEMAS"]

_PARAMETERS: Parameters = {
    **READING,
    "layer": (
        LAYER,
        "whose units' means over their places are given; if none, what the classifier takes",
    ),
}

SCHEMAS = {
    **schemas_of("Features", _PARAMETERS, several=True),
    **named(
        "FeaturesList",
        required=("results",),
        results=array_of({"anyOf": [ref("Features"), ref("Problem")]}),
    ),
}

_EXAMPLE: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "size": 3,
    "features": [0.022097483, 0.55243707, 1.6573112],
}

FEATURES = operation(
    "get_features",
    "inspect",
    "Turn photographs into numbers",
    "Each photograph as numbers, which are near those of photographs that are like it. With "
    "`Accept: application/x-npy`, a NumPy file of N x D float32.",
    answers={
        "200": answered(
            "The features of one photograph; of several, `results` in their order.",
            {
                **json_answer(
                    {"anyOf": [ref("Features"), ref("FeaturesList")]},
                    one=_EXAMPLE,
                    several={"results": [_EXAMPLE, problem_of("BadImage")]},
                ),
                "application/x-npy": {"schema": BINARY},
            },
        )
    },
    problems=PHOTOGRAPHS,
    parameters=in_query(_PARAMETERS),
    body=photographs("Features", several=True),
)
