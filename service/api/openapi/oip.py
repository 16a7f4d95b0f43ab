"""The routes of the Open Inference Protocol, under ``/v2``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.bodies import PIXEL
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import NAME, parameter
from service.api.openapi.problems import ANY, KEYED, OF_A_MODEL, PHOTOGRAPHS
from service.api.openapi.schemas import BINARY, array_of, named, ref

__all__ = ["INFER", "INFORMATION", "REPOSITORY", "SCHEMAS"]

_TAG = "open inference"
_HEADER = "Inference-Header-Content-Length"

_TEXT = {"type": "string"}
_TRUE = {"type": "boolean"}
_FREE = {"type": "object", "description": "of the protocol, or free ones"}
_SHAPE = array_of({"type": "integer", "minimum": -1})
_DATATYPE = {"type": "string", "examples": ["BYTES"]}
_DATA = {"type": "array", "items": {}, "description": "elements, row by row"}
_TENSOR = {"name": _TEXT, "datatype": _DATATYPE, "shape": _SHAPE}
_TENSORS = array_of(ref("TensorMetadata"))

SCHEMAS: dict[str, Any] = {
    **named("ServerLive", required=("live",), live=_TRUE),
    **named("ServerReady", required=("ready", "live"), ready=_TRUE, live=_TRUE),
    **named(
        "ServerMetadata",
        required=("name", "version", "extensions"),
        name=_TEXT,
        version=_TEXT,
        extensions=array_of(_TEXT),
    ),
    **named("ModelReady", required=("name", "ready"), name=_TEXT, ready=_TRUE),
    **named("TensorMetadata", required=("name", "datatype", "shape"), **_TENSOR),
    **named(
        "ModelMetadata",
        required=("name", "versions", "platform", "inputs", "outputs"),
        name=_TEXT,
        versions=array_of(_TEXT),
        platform=_TEXT,
        inputs=_TENSORS,
        outputs=_TENSORS,
    ),
    **named(
        "IndexedModel",
        required=("name", "version", "state"),
        name=_TEXT,
        version=_TEXT,
        state={"type": "string", "enum": ["READY", "UNAVAILABLE"]},
        reason=_TEXT,
    ),
    **named(
        "InferInput",
        required=("name", "datatype", "shape"),
        **_TENSOR,
        data=_DATA,
        parameters=_FREE,
    ),
    **named("InferRequestedOutput", required=("name",), name=_TEXT, parameters=_FREE),
    **named(
        "InferRequest",
        required=("inputs",),
        id=_TEXT,
        inputs=array_of(ref("InferInput"), minItems=1, maxItems=1),
        outputs=array_of(ref("InferRequestedOutput")),
        parameters=_FREE,
    ),
    **named(
        "InferOutput",
        required=("name", "datatype", "shape"),
        **_TENSOR,
        data=_DATA,
        parameters=_FREE,
    ),
    **named(
        "InferResponse",
        required=("model_name", "model_version", "outputs"),
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        outputs=array_of(ref("InferOutput")),
    ),
}

_VERSION = parameter(
    "version", {"type": "string", "minLength": 1, "examples": ["2"]}, "of the model", "path"
)
_METADATA: dict[str, Any] = {
    "name": "places365",
    "versions": ["2"],
    "platform": "onnx_onnxv1",
    "inputs": [
        {"name": "image", "datatype": "BYTES", "shape": [-1]},
        {"name": "photo", "datatype": "UINT8", "shape": [-1, -1, -1, 3]},
    ],
    "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 365]}],
}
_SERVER = {
    "name": "booth",
    "version": "0.1.0",
    "extensions": ["classification", "binary_tensor_data"],
}
_ASKED = {
    "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [PIXEL]}],
    "outputs": [{"name": "probabilities", "parameters": {"classification": 1}}],
}
_ANSWERED = {
    "model_name": "places365",
    "model_version": "2",
    "outputs": [
        {
            "name": "probabilities",
            "datatype": "BYTES",
            "shape": [1, 1],
            "data": ["0.850801:10:Aqueduct"],
        }
    ],
}


def _get(
    name: str,
    summary: str,
    answer: tuple[str, Any],
    problems: tuple[str, ...],
    parameters: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    schema, example = answer
    return operation(
        name,
        _TAG,
        summary,
        f"{summary}, as the Open Inference Protocol has it.",
        answers={"200": answered("Told.", json_answer(ref(schema), example))},
        problems=problems,
        parameters=parameters,
        plain=True,
    )


_LIVE = "ServerLive", {"live": True}
_READY = "ServerReady", {"ready": True, "live": True}
_MODEL_READY = "ModelReady", {"name": "places365", "ready": True}
_MODEL = "ModelMetadata", _METADATA
_PROBED, _ASKABLE = (*ANY, "NotReady"), (*OF_A_MODEL, "NotReady")

INFORMATION: dict[str, dict[str, Any]] = {
    "live": _get("check_v2_live", "Ask whether the process lives", _LIVE, _PROBED),
    "ready": _get("check_v2_ready", "Ask whether traffic is welcome", _READY, _PROBED),
    "server": _get("get_v2_server", "Tell what serves here", ("ServerMetadata", _SERVER), KEYED),
    "models": _get(
        "list_v2_models", "Name the models", ("ModelNames", {"models": ["places365"]}), KEYED
    ),
    "model": _get("get_v2_model", "Tell of a model", _MODEL, OF_A_MODEL, (NAME,)),
    "model_version": _get(
        "get_v2_model_version", "Tell of a version", _MODEL, OF_A_MODEL, (NAME, _VERSION)
    ),
    "model_ready": _get(
        "check_v2_model", "Ask whether a model answers", _MODEL_READY, _ASKABLE, (NAME,)
    ),
    "model_ready_version": _get(
        "check_v2_model_version",
        "Ask whether a version answers",
        _MODEL_READY,
        _ASKABLE,
        (NAME, _VERSION),
    ),
}

REPOSITORY = operation(
    "index_v2_repository",
    _TAG,
    "List every version of every model",
    "Every version of every model that is loaded, and whether it can answer. A body is ignored.",
    answers={
        "200": answered(
            "The versions.",
            json_answer(
                array_of(ref("IndexedModel")),
                [{"name": "places365", "version": "2", "state": "READY"}],
            ),
        )
    },
    problems=KEYED,
    plain=True,
)


def _infer(name: str, *path: dict[str, Any]) -> dict[str, Any]:
    header = parameter(
        _HEADER,
        {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        "how many bytes of the body are JSON, before any compression; if not given, all are",
        "header",
    )
    return operation(
        name,
        _TAG,
        "Label photographs that come as a tensor",
        "Encoded photographs are `BYTES` in `image`, pixels are `UINT8` in `photo`. Tensors stand "
        "in the JSON, `BYTES` in base64, or in bytes behind it. The answer has the probabilities "
        "of all labels, or with `classification` or `top_k` the first ones. One photograph that "
        "can't be labelled fails the request.",
        answers={
            "200": answered(
                "The outputs.",
                {
                    **json_answer(ref("InferResponse"), _ANSWERED),
                    "application/octet-stream": {"schema": BINARY},
                },
            )
        },
        problems=PHOTOGRAPHS,
        parameters=(*path, header),
        body={
            "required": True,
            "content": {
                "application/json": {"schema": ref("InferRequest"), "example": _ASKED},
                "application/octet-stream": {"schema": BINARY},
            },
        },
        plain=True,
    )


INFER = {"infer": _infer("infer", NAME), "infer_version": _infer("infer_version", NAME, _VERSION)}
