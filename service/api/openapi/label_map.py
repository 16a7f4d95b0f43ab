"""``POST /label-map``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import photographs, schemas_of
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import LABELLING, Parameters, in_query
from service.api.openapi.problems import PHOTOGRAPHS
from service.api.openapi.schemas import ref
from service.inspection.label_map import MOST_SCALE

__all__ = ["LABEL_MAP", "MOST_STEP", "SCHEMAS"]

MOST_STEP = 1024  # whatever the network's stride

_PARAMETERS: Parameters = {
    **LABELLING,
    "step": (
        {"type": "integer", "minimum": 1, "maximum": MOST_STEP},
        "pixels of the network's input between two cells: its stride if not given, or 16, 8, 4",
    ),
    "scale": (
        {"type": "integer", "minimum": 1, "maximum": MOST_SCALE},
        "how many times the network's input the shorter side is; 1 if not given",
    ),
}

SCHEMAS = schemas_of("LabelMap", _PARAMETERS, several=False)

_LABEL = {"label": "Coffee shop", "category": "coffee_shop", "index": 99}
_EXAMPLE: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "view": {"width": 600, "height": 400, "box": [0, 0, 600, 400]},
    "cells": {
        "rows": 1,
        "columns": 2,
        "box": [0, 0, 600, 400],
        "labels": [_LABEL],
        "first": [[[0], [0]]],
        "confidences": [[[0.91], [0.87]]],
        "step": 32,
    },
    "predictions": [{**_LABEL, "confidence": 0.89}],
    "timing_ms": {"decode": 1.4, "queue": 0.2, "inference": 12.9, "total": 14.5},
}

LABEL_MAP = operation(
    "get_label_map",
    "classify",
    "Label the cells of a photograph",
    "The network is run over the whole photograph, whatever its size: a grid of cells, each with "
    "its first labels.",
    answers={
        "200": answered(
            "The cells of the whole photograph.", json_answer(ref("LabelMap"), _EXAMPLE)
        )
    },
    problems=PHOTOGRAPHS,
    parameters=in_query(_PARAMETERS),
    body=photographs("LabelMap", several=False),
)
