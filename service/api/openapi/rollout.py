"""``GET`` and ``PUT /models/{name}/rollout``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import NAME
from service.api.openapi.problems import MANAGED
from service.api.openapi.schemas import named, ref

__all__ = ["GET_ROLLOUT", "PUT_ROLLOUT", "SCHEMAS"]

_PLAN: dict[str, Any] = {"weights": {"1": 95, "2": 5}, "shadow": {"3": 0.1}}
_PARTS: dict[str, Any] = {
    "weights": {
        "type": "object",
        "description": "of the versions that answer requests which name none: one has its weight's "
        "share. Versions that are not loaded are left out. Without weights the newest answers that "
        "is no shadow",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1_000_000},
    },
    "shadow": {
        "type": "object",
        "description": "share of the requests whose photographs a version is shown as well, to "
        "compare its answers",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
    },
}

SCHEMAS = {
    "RolloutPlan": {"type": "object", "additionalProperties": False, "properties": _PARTS},
    **named(
        "Rollout",
        required=("model", "weights", "shadow", "shares", "set_by"),
        model={"type": "string"},
        **_PARTS,
        shares={
            "type": "object",
            "description": "of the versions that are loaded: the share of requests that each "
            "answers now",
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        },
        set_by={
            "anyOf": [
                {"type": "string", "enum": ["settings", "repository", "request"]},
                {"type": "null"},
            ],
            "description": "whence it is; what a request has set lasts until the service ends, or "
            "until `rollout.json` of the repository changes",
        },
    ),
}

_ANSWERS = {
    "200": answered(
        "The rollout, as it is now.",
        json_answer(
            ref("Rollout"),
            {
                "model": "places365",
                **_PLAN,
                "shares": {"1": 0.95, "2": 0.05, "3": 0},
                "set_by": "request",
            },
        ),
    )
}

GET_ROLLOUT = operation(
    "get_rollout",
    "manage",
    "Show a model's rollout",
    "Which versions of a model answer, and which are shown its photographs to be compared.",
    answers=_ANSWERS,
    problems=MANAGED,
    parameters=[NAME],
)

PUT_ROLLOUT = operation(
    "put_rollout",
    "manage",
    "Set a model's rollout",
    "Replaces all of it, until the service ends or `rollout.json` of the repository changes. The "
    "model need not be loaded yet.",
    answers=_ANSWERS,
    problems=(*MANAGED, "SlowBody", "TooLarge"),
    parameters=[NAME],
    body={
        "required": True,
        "content": {"application/json": {"schema": ref("RolloutPlan"), "example": _PLAN}},
    },
)
