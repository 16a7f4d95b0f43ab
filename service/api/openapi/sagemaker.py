"""``GET /ping`` and ``POST /invocations``."""

from __future__ import annotations

from service.api.openapi.bodies import PIXEL
from service.api.openapi.classify import EXAMPLE
from service.api.openapi.labelling import INSTANCES, PREDICTIONS, TAG, body
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import LABELLING, in_query, parameter
from service.api.openapi.problems import ANY, PHOTOGRAPHS
from service.api.openapi.schemas import array_of, ref

__all__ = ["INVOKE", "PING"]

_ATTRIBUTES = parameter(
    "X-Amzn-SageMaker-Custom-Attributes",
    {"type": "string", "maxLength": 1024, "examples": ["model=places365,top_k=3"]},
    "parameters, since SageMaker hands on no query; it is sent back as it came",
    "header",
)

PING = operation(
    "ping",
    TAG,
    "Ask whether traffic is welcome, for SageMaker",
    "As `/readyz`.",
    answers={
        "200": answered(
            "Traffic is welcome.",
            {"text/plain": {"schema": {"type": "string"}, "example": "ready\n"}},
        )
    },
    problems=(*ANY, "NotReady"),
)

INVOKE = operation(
    "invoke",
    TAG,
    "Label photographs for SageMaker's clients",
    "The first labels of one photograph, or of several. The answer has the form of the question: "
    "to `instances` predictions, to `inputs` lists of scores, else as of `/classify`.",
    answers={
        "200": answered(
            "The answers.",
            json_answer(
                {
                    "anyOf": [
                        ref("Answer"),
                        ref("Answers"),
                        PREDICTIONS,
                        array_of({"anyOf": [ref("Score"), array_of(ref("Score")), ref("Problem")]}),
                    ]
                },
                one=EXAMPLE,
                predictions={"predictions": [EXAMPLE]},
            ),
        )
    },
    problems=PHOTOGRAPHS,
    parameters=[*in_query(LABELLING), _ATTRIBUTES],
    body=body(
        "One photograph as it is; or photographs in JSON, under one of four names.",
        {
            "anyOf": [
                ref("Instances"),
                ref("Inputs"),
                ref("ClassifyImage"),
                ref("ClassifyImages"),
            ]
        },
        instances=INSTANCES,
        inputs={"inputs": PIXEL},
        image={"image": PIXEL},
    ),
)
