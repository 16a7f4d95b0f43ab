"""``GET /livez``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.operations import answered, operation
from service.api.openapi.problems import ANY

__all__ = ["LIVE", "METRICS", "READY"]


def _text(example: str) -> dict[str, Any]:
    return {"text/plain": {"schema": {"type": "string"}, "example": example}}


LIVE = operation(
    "check_live",
    "health",
    "Ask whether the process lives",
    "200 as long as the process can answer, and can still become or stay ready. It asks no model.",
    answers={"200": answered("It lives.", _text("alive\n"))},
    problems=(*ANY, "NotReady"),
)

READY = operation(
    "check_ready",
    "health",
    "Ask whether traffic is welcome",
    "200 if all models are loaded and answer; else 503, with the reason.",
    answers={"200": answered("Traffic is welcome.", _text("ready\n"))},
    problems=(*ANY, "NotReady"),
)

METRICS = operation(
    "get_metrics",
    "health",
    "Show the metrics",
    "The page that Prometheus reads; in OpenMetrics' form for who accepts that.",
    answers={
        "200": answered(
            "The metrics.",
            {
                **_text('booth_requests_total{model="places365",outcome="ok"} 7.0\n'),
                "application/openmetrics-text": {"schema": {"type": "string"}},
            },
        )
    },
    problems=ANY,
)
