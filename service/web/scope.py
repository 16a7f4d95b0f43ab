"""What a request carries in its ASGI scope from one layer to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from service.telemetry.record import RequestRecord

__all__ = ["ON_DISCONNECT", "is_page", "mark_page", "on_disconnect", "record_of", "start_record"]

# What is to be called when the client goes away before its answer. Waiting for the server's
# message of it would take a task a request.
ON_DISCONNECT = "on_disconnect"

_RECORD, _PAGE = "record", "page"


def start_record(scope: Scope, record: RequestRecord) -> None:
    """Give a request its record."""
    _state(scope)[_RECORD] = record


def record_of(scope: Scope) -> RequestRecord:
    """The record of a request."""
    record: RequestRecord = _state(scope)[_RECORD]
    return record


def on_disconnect(scope: Scope) -> set[Callable[[], None]]:
    """What is called when the client goes away: add to it, and discard what is no longer needed."""
    callbacks: set[Callable[[], None]] = _state(scope).setdefault(ON_DISCONNECT, set())
    return callbacks


def mark_page(scope: Scope, *, page: bool) -> None:
    """Say that the page answers: its many small files stay out of the access log."""
    _state(scope)[_PAGE] = page


def is_page(scope: Scope) -> bool:
    """Whether the page answers."""
    return bool(_state(scope).get(_PAGE))


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    return state
