"""``POST /classify``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import photographs, schemas_of
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import CLASSIFYING, in_query, parameter
from service.api.openapi.problems import PHOTOGRAPHS, problem_of
from service.api.openapi.schemas import array_of, named, ref

__all__ = ["CLASSIFY", "EXAMPLE", "SCHEMAS"]

EXAMPLE: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "predictions": [
        {
            "label": "Coffee shop",
            "category": "coffee_shop",
            "index": 99,
            "confidence": 0.934131,
            "basis": "labelled",
        }
    ],
    "environment": {"kind": "indoor", "confidence": 0.999},
    "known": True,
    "timing_ms": {"decode": 1.4, "queue": 0.2, "inference": 2.9, "total": 4.8},
}

SCHEMAS = {
    **schemas_of("Classify", CLASSIFYING, several=True),
    **named(
        "Answers",
        required=("results",),
        results=array_of({"anyOf": [ref("Answer"), ref("Problem")]}),
    ),
}

_ETAG = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "of the answer to a single photograph, where the service has a cache",
    }
}

CLASSIFY = operation(
    "classify",
    "classify",
    "Label photographs",
    "The first labels of one photograph, each with its confidence; or of several, in their order.",
    answers={
        "200": answered(
            "An answer for one photograph; for several, `results` in their order.",
            json_answer(
                {"anyOf": [ref("Answer"), ref("Answers")]},
                one=EXAMPLE,
                several={"results": [EXAMPLE, problem_of("BadImage")]},
            ),
            _ETAG,
        ),
        "304": {
            "description": "The answer that the client has still holds. RFC 9110 has 412 for POST, "
            "but this one only asks, as a GET does.",
            "headers": _ETAG,
        },
    },
    problems=PHOTOGRAPHS,
    parameters=[
        *in_query(CLASSIFYING),
        parameter(
            "If-None-Match",
            {"type": "string"},
            "ETags of answers that the client has, of a service with a cache",
            "header",
        ),
        parameter(
            "Cache-Control",
            {"type": "string"},
            "no-cache: ask the network again; no-store: keep no answer to this",
            "header",
        ),
    ],
    body=photographs("Classify", several=True),
)
