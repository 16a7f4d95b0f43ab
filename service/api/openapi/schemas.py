"""The schemas of what is answered: of what ``booth_client.wire`` declares, and references to them.

They stand in the description under their names, so that what is generated from it has types.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import TypeAdapter

from booth_client import wire

__all__ = ["BASE64", "BINARY", "WIRE", "array_of", "named", "ref"]

PLACE = "#/components/schemas/"

BINARY = {"type": "string", "format": "binary"}
BASE64 = {"type": "string", "minLength": 1, "description": "base64, or a `data:` URL"}

_ANSWERED = (
    wire.ExplainedAnswer,
    wire.PredictionWithBasis,
    wire.LabelMap,
    wire.Activations,
    wire.Occlusion,
    wire.Features,
    wire.ModelLayers,
    wire.LayerFilters,
    wire.ModelSummary,
    wire.Source,
    wire.Card,
)

# Of what may be None, this is told as null; all else is left out then.
_TOLD_AS_NULL = {("ModelSummary", "year"), ("Accuracy", "top5")}


def ref(name: str) -> dict[str, Any]:
    """What stands for the schema of a name."""
    return {"$ref": PLACE + name}


def array_of(schema: dict[str, Any], **bounds: int) -> dict[str, Any]:
    """A list of what has a schema."""
    return {"type": "array", "items": schema, **bounds}


def named(
    name: str, /, *, required: tuple[str, ...], **properties: Any
) -> dict[str, dict[str, Any]]:
    """The schema of an object with these fields, under its name."""
    return {name: {"type": "object", "required": list(required), "properties": properties}}


def _declared() -> dict[str, dict[str, Any]]:
    """All that is answered, as the client's dataclasses declare it."""
    asked: list[Any] = [(one, "serialization", TypeAdapter(one)) for one in _ANSWERED]
    _, whole = TypeAdapter.json_schemas(asked, ref_template=PLACE + "{model}")
    return {name: _as_sent(name, schema) for name, schema in whole["$defs"].items()}


def _as_sent(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """One schema without the names of its fields, which those have already."""
    kind = getattr(wire, name)
    optional = {one.name for one in dataclasses.fields(kind) if one.default is None}
    properties = {
        field: _field(one, is_left_out=field in optional and (name, field) not in _TOLD_AS_NULL)
        for field, one in schema["properties"].items()
    }
    required = [field for field in properties if field not in optional]
    described = " ".join(schema["description"].split()).replace("``", "`")
    whole = {"type": "object", "description": described, "required": required}
    return {**whole, "properties": properties}


def _field(schema: dict[str, Any], *, is_left_out: bool) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key not in ("title", "default")}
    if not is_left_out or "anyOf" not in kept:
        return kept
    possible = [one for one in kept.pop("anyOf") if one != {"type": "null"}]
    return {**kept, **possible[0]} if len(possible) == 1 else {**kept, "anyOf": possible}


def _merged(schemas: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """One schema for all kinds of answer and prediction.

    Code is generated better from an optional field than from a choice of types.
    """
    basis = schemas["PredictionWithBasis"]["properties"]["basis"]
    prediction, answer = schemas["Prediction"], schemas.pop("ExplainedAnswer")
    prediction["properties"] |= {
        "basis": {
            **basis,
            "description": "What the label was learned from: labelled photographs; or another "
            "network's answers alone (distilled), so that its confidence is unmeasured. Left out "
            "where the model's card does not say.",
        },
        "region": ref("Region"),
    }
    answer["required"].remove("view")
    answer["description"] = "The first labels of one photograph, most confident first."
    for one in (answer, schemas["LabelMap"], schemas["Activations"]):
        one["properties"]["predictions"] = array_of(ref("Prediction"))
    del schemas["PredictionWithBasis"], schemas["ExplainedPrediction"]
    return {"Answer": answer, **schemas}


WIRE = _merged(_declared())
