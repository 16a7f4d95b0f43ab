"""``POST /models/{name}/load`` and ``/unload``, and the same under ``/v2/repository``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.models import SUMMARY
from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import NAME
from service.api.openapi.problems import MANAGED
from service.api.openapi.schemas import named, ref

__all__ = ["LOAD", "SCHEMAS", "TRITON_LOAD", "TRITON_UNLOAD", "UNLOAD"]

_ANSWERS = {
    "200": answered("What is loaded now.", json_answer(ref("ModelList"), {"models": [SUMMARY]})),
}
_SENDING = (*MANAGED, "SlowBody", "TooLarge")
_LOADING = (*_SENDING, "UnusableModel", "RepositoryUnreachable")


SCHEMAS: dict[str, Any] = {
    **named(
        "VersionChoice",
        required=(),
        version={
            "type": "string",
            "minLength": 1,
            "maxLength": 32,
            "description": "one version alone; all if not given",
        },
    ),
    **named(
        "RepositoryLoad",
        required=(),
        parameters={
            "type": "object",
            "maxProperties": 0,
            "description": "none: a model's file has all in it",
        },
    ),
    **named(
        "RepositoryUnload",
        required=(),
        parameters={
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "unload_dependents": {
                    "type": "boolean",
                    "description": "ignored: no model depends on another",
                }
            },
        },
    ),
}


def _body(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    """Of a request that may have none."""
    return {"required": False, "content": json_answer(ref(schema), example)}


_VERSION = _body("VersionChoice", {})

LOAD = operation(
    "load_model",
    "manage",
    "Load a model",
    "Looks into the repository now, and loads the model's new and changed files; one that was "
    "unloaded comes back. Answers when they are served.",
    answers=_ANSWERS,
    problems=_LOADING,
    parameters=[NAME],
    body=_VERSION,
)
UNLOAD = operation(
    "unload_model",
    "manage",
    "Unload a model",
    "Answers once the photographs that the model has accepted are answered. It stays away until it "
    "is loaded, or the service starts again.",
    answers=_ANSWERS,
    problems=_SENDING,
    parameters=[NAME],
    body=_VERSION,
)
TRITON_LOAD = operation(
    "load_v2_model",
    "manage",
    "Load a model, as Triton's clients ask for it",
    "As `POST /models/{name}/load`.",
    answers=_ANSWERS,
    problems=_LOADING,
    parameters=[NAME],
    body=_body("RepositoryLoad", {}),
    plain=True,
)
TRITON_UNLOAD = operation(
    "unload_v2_model",
    "manage",
    "Unload a model, as Triton's clients ask for it",
    "As `POST /models/{name}/unload`.",
    answers=_ANSWERS,
    problems=_SENDING,
    parameters=[NAME],
    body=_body("RepositoryUnload", {"parameters": {"unload_dependents": False}}),
    plain=True,
)
