"""``POST /v1/models/{name}:predict``, and what ``GET /v1/models`` tells."""

from __future__ import annotations

from typing import Any

from service.api.openapi.classify import EXAMPLE
from service.api.openapi.labelling import (
    INSTANCES,
    MODEL_NAMED,
    PREDICTIONS,
    TAG,
    body,
    with_parameters,
)
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import NAME, in_query, parameter
from service.api.openapi.problems import KEYED, OF_A_MODEL, PHOTOGRAPHS
from service.api.openapi.schemas import array_of, named, ref

__all__ = ["NAMES", "PREDICT", "PREDICT_VERSION", "SCHEMAS", "STATUS", "STATUS_VERSION"]

_INSTANCES = array_of(ref("Instance"), minItems=1)
_EITHER = {"anyOf": [ref("Answer"), ref("Problem")]}
_SIGNATURE = {"type": "string", "description": "passed over"}
_READY: dict[str, Any] = {"error_code": "OK", "error_message": ""}
_STATUS: dict[str, Any] = {
    "name": "places365",
    "ready": True,
    "model_version_status": [{"version": "2", "state": "AVAILABLE", "status": _READY}],
}
_VERSION = parameter(
    "version", {"type": "string", "minLength": 1, "examples": ["2"]}, "of the model", "path"
)

SCHEMAS = {
    "Instances": with_parameters(
        MODEL_NAMED, "instances", instances=_INSTANCES, signature_name=_SIGNATURE
    ),
    "Columns": with_parameters(
        MODEL_NAMED,
        "inputs",
        inputs={"anyOf": [ref("Instance"), _INSTANCES]},
        signature_name=_SIGNATURE,
    ),
    **named("Outputs", required=("outputs",), outputs={"anyOf": [_EITHER, array_of(_EITHER)]}),
    "ModelStatus": {
        "type": "object",
        "required": ["name", "ready", "model_version_status"],
        "properties": {
            "name": {"type": "string"},
            "ready": {"type": "boolean"},
            "model_version_status": array_of(ref("VersionStatus")),
        },
    },
    **named(
        "VersionStatus",
        required=("version", "state", "status"),
        version={"type": "string"},
        state={"type": "string", "enum": ["AVAILABLE"]},
        status={"type": "object"},
    ),
}


def _predict(name: str, *path: dict[str, Any]) -> dict[str, Any]:
    known = {one: told for one, told in MODEL_NAMED.items() if one != "version" or len(path) == 1}
    return operation(
        name,
        TAG,
        "Label photographs for TensorFlow Serving's and KServe's clients",
        "The first labels of each instance, in their order. Columns come back as columns.",
        answers={
            "200": answered(
                "A prediction for each instance.",
                json_answer(
                    {"anyOf": [PREDICTIONS, ref("Outputs")]},
                    rows={"predictions": [EXAMPLE]},
                    columns={"outputs": [EXAMPLE]},
                ),
            )
        },
        problems=PHOTOGRAPHS,
        plain=True,
        parameters=[*path, *in_query(known)],
        body=body(
            "Photographs in base64, in rows or in a column; or one photograph as it is.",
            {"anyOf": [ref("Instances"), ref("Columns")]},
            rows=INSTANCES,
            columns={"inputs": INSTANCES["instances"]},
        ),
    )


def _status(name: str, *path: dict[str, Any]) -> dict[str, Any]:
    return operation(
        name,
        TAG,
        "Ask whether a model is there",
        "Whether a model is loaded, and in which versions.",
        answers={"200": answered("It is there.", json_answer(ref("ModelStatus"), _STATUS))},
        problems=OF_A_MODEL,
        plain=True,
        parameters=path,
    )


PREDICT = _predict("predict", NAME)
PREDICT_VERSION = _predict("predict_version", NAME, _VERSION)
STATUS = _status("get_model_status", NAME)
STATUS_VERSION = _status("get_version_status", NAME, _VERSION)
NAMES = operation(
    "list_model_names",
    TAG,
    "List the models' names",
    "The names of the models that are loaded now, the default one first.",
    answers={"200": answered("The names.", json_answer(ref("ModelNames"), {"models": ["tiny"]}))},
    problems=KEYED,
    plain=True,
)
