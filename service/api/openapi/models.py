"""``GET /models``, ``/models/{name}``, ``/models/{name}/labels`` and ``/sources``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import NAME, VERSION, in_query
from service.api.openapi.problems import KEYED, OF_A_MODEL
from service.api.openapi.schemas import array_of, named, ref

__all__ = ["CARD", "LABELS", "MODELS", "SCHEMAS", "SOURCES", "SUMMARY"]

SCHEMAS = {
    **named("ModelNames", required=("models",), models=array_of({"type": "string"})),
    **named("ModelList", required=("models",), models=array_of(ref("ModelSummary"))),
    **named("SourceList", required=("sources",), sources=array_of(ref("Source"))),
}

_LABEL = {
    "name": "Airfield",
    "category": "airfield",
    "kind": "outdoor",
    "basis": "labelled",
    "photographs": 52,
}
SUMMARY: dict[str, Any] = {
    "name": "places365",
    "title": "Scenes (Places365)",
    "version": "2",
    "precision": "int8",
    "provider": "openvino",
    "labels": 365,
    "scene": True,
    "default": True,
    "content": "photographs",
    "year": 2020,
}
_CARD: dict[str, Any] = {
    "name": "places365",
    "title": "Scenes (Places365)",
    "version": "2",
    "architecture": "efficientnet_lite0",
    "parameters": 3838573,
    "multiply_adds": 282521728,
    "precision": "int8",
    "input": {
        "size": 192,
        "resize": 192,
        "keep_aspect": False,
        "interpolation": "bicubic",
        "content": "photographs",
        "detail": 128,
    },
    "labels": [_LABEL],
    "attributes": [],
    "weights": {
        "origin": "Booth",
        "sha256": "254de3db1d9d62daea097ee7015c104861c97e1cc0573c553d91f8b0236b499d",
        "licence": "Apache-2.0",
    },
    "measured": [
        {
            "dataset": "miniplaces-test",
            "top1": 0.6148,
            "top5": 0.867,
            "photographs": 4850,
            "calibration_error": 0.0204,
            "environment": 0.9567,
        }
    ],
}
_SOURCE: dict[str, Any] = {
    "name": "alexnet",
    "title": "AlexNet",
    "year": 2012,
    "architecture": "alexnet",
    "labels": 1000,
    "scene": False,
    "parameters": 61100840,
    "multiply_adds": 714188480,
    "published": {"dataset": "ImageNet-1k validation", "top1": 0.56522, "top5": 0.79066},
    "origin": "torchvision, trained on ImageNet-1k",
    "licence": "BSD-3-Clause",
    "command": "booth pull alexnet",
}

MODELS = operation(
    "list_models",
    "models",
    "List the models",
    "The models that are loaded now, the default one first.",
    answers={"200": answered("The models.", json_answer(ref("ModelList"), {"models": [SUMMARY]}))},
    problems=KEYED,
)

SOURCES = operation(
    "list_sources",
    "models",
    "List what could be served as well",
    "The published weights that Booth knows, the oldest architecture first, and the command that "
    "brings each.",
    answers={
        "200": answered("The weights.", json_answer(ref("SourceList"), {"sources": [_SOURCE]}))
    },
    problems=KEYED,
)

CARD = operation(
    "get_model",
    "models",
    "Show a model's card",
    "All that is known about a model. What is not known is left out.",
    answers={"200": answered("The card.", json_answer(ref("Card"), _CARD))},
    problems=OF_A_MODEL,
    parameters=[NAME, *in_query({"version": VERSION})],
)

LABELS = operation(
    "get_labels",
    "models",
    "List a model's labels",
    "A model's labels, in the order of their index. What is not known of one is left out.",
    answers={"200": answered("The labels.", json_answer(array_of(ref("Label")), [_LABEL]))},
    problems=OF_A_MODEL,
    parameters=[NAME, *in_query({"version": VERSION})],
)
