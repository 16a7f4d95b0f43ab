"""The parameters that several routes have, in the query or beside the photographs."""

from __future__ import annotations

from typing import Any, TypeAlias

from service.engine.explanation import MOST_LABELS, PARTS

__all__ = [
    "CLASSIFYING",
    "LABELLING",
    "LAYER",
    "MOST_INDEX",
    "MOST_NAME",
    "MOST_TIMEOUT_MS",
    "NAME",
    "NUMBERS",
    "READING",
    "VERSION",
    "Parameters",
    "fields",
    "in_query",
    "parameter",
]

# Longer than anybody waits for a picture's label; who waits holds a place in the queue.
MOST_TIMEOUT_MS = 60_000
MOST_INDEX = 1_000_000  # of a unit, a row or a column, whatever the layer
MOST_NAME = 200  # characters of a layer's

# A schema and a description by the name of each. No schema has a default: what is generated would
# send it in the query, where it contradicts what its caller put into the body.
Parameters: TypeAlias = dict[str, tuple[dict[str, Any], str]]

NUMBERS = {"type": "string", "pattern": r"^\d+(,\d+)*$", "examples": ["0,7"]}
LAYER = {"type": "string", "minLength": 1, "maxLength": MOST_NAME, "examples": ["classifier"]}
VERSION = {"type": "string", "minLength": 1, "examples": ["2"]}, "its version; the newest if none"

# Of a route that reads photographs; of one that answers with labels; of `/classify`.
READING: Parameters = {
    "model": (
        {"type": "string", "minLength": 1, "examples": ["places365"]},
        "which model answers; the default one if not given",
    ),
    "version": VERSION,
    "timeout_ms": (
        {"type": "integer", "minimum": 1, "maximum": MOST_TIMEOUT_MS},
        "after how many milliseconds the answer is of no use any more",
    ),
}
LABELLING: Parameters = {
    **READING,
    "top_k": (
        {"type": "integer", "minimum": 1, "maximum": 1000},
        "how many labels; 5 if not given",
    ),
}
_PART = f"({'|'.join(PARTS)})"
CLASSIFYING: Parameters = {
    **LABELLING,
    "top_k": (
        LABELLING["top_k"][0],
        f"how many labels; 5 if not given, {MOST_LABELS} at most where one asks to explain",
    ),
    "explain": (
        {"type": "string", "pattern": f"^{_PART}(,{_PART})*$", "examples": ["region,cells"]},
        f"what led to the answer: some of {', '.join(PARTS)}, with commas between them",
    ),
}


def parameter(
    name: str, schema: dict[str, Any], description: str, where: str = "query"
) -> dict[str, Any]:
    """One parameter of a route."""
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, "description": description, **required, "schema": schema}


def in_query(parameters: Parameters, *required: str) -> list[dict[str, Any]]:
    """Parameters of a query."""
    return [
        parameter(name, *one) | ({"required": True} if name in required else {})
        for name, one in parameters.items()
    ]


def fields(parameters: Parameters) -> dict[str, Any]:
    """Parameters as the fields of a form or of JSON."""
    return {name: {**schema, "description": text} for name, (schema, text) in parameters.items()}


NAME = parameter(
    "name", {"type": "string", "minLength": 1, "examples": ["places365"]}, "of the model", "path"
)
