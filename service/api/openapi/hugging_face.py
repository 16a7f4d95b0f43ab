"""``POST /hf/{name}``."""

from __future__ import annotations

from service.api.openapi.bodies import PIXEL
from service.api.openapi.labelling import MODEL_NAMED, TAG, body, with_parameters
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import NAME, Parameters, in_query
from service.api.openapi.problems import PHOTOGRAPHS, problem_of
from service.api.openapi.schemas import BASE64, array_of, named, ref

__all__ = ["HUGGING_FACE", "SCHEMAS"]

_PARAMETERS: Parameters = {
    **MODEL_NAMED,
    "function_to_apply": ({"type": "string", "enum": ["softmax"]}, "what a model's file holds"),
}
_SCORE = {"label": "Coffee shop", "score": 0.934131, "category": "coffee_shop", "index": 99}
_LABELS = array_of(ref("Score"))

SCHEMAS = {
    **named(
        "Score",
        required=("label", "score", "category", "index"),
        label={"type": "string"},
        score={"type": "number"},
        category={"type": "string"},
        index={"type": "integer"},
    ),
    "Inputs": with_parameters(
        _PARAMETERS,
        "inputs",
        inputs={"anyOf": [BASE64, array_of(BASE64, minItems=1)]},
        options={"type": "object", "description": "passed over"},
    ),
}

HUGGING_FACE = operation(
    "classify_as_hugging_face",
    TAG,
    "Label photographs for Hugging Face's clients",
    "The first labels of one photograph, best first; of a list of them, a list each.",
    answers={
        "200": answered(
            "A list of labels; for several photographs, a list for each, or what went wrong.",
            json_answer(
                {"anyOf": [_LABELS, array_of({"anyOf": [_LABELS, ref("Problem")]})]},
                one=[_SCORE],
                several=[[_SCORE], problem_of("BadImage")],
            ),
        )
    },
    problems=PHOTOGRAPHS,
    parameters=[NAME, *in_query(_PARAMETERS)],
    body=body(
        "One photograph as it is; or photographs in base64, with parameters beside them.",
        ref("Inputs"),
        one={"inputs": PIXEL, "parameters": {"top_k": 3}},
    ),
)
