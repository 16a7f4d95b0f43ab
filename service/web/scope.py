"""What a request carries in its ASGI scope from one layer to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from service.telemetry.record import RequestRecord

__all__ = [
    "DISCONNECT",
    "Disconnect",
    "client_of",
    "count_more",
    "disconnect_of",
    "identify",
    "is_page",
    "mark_page",
    "prefix_of",
    "record_of",
    "set_prefix",
    "start_record",
]

# The key of a request's ``Disconnect``. Waiting for the server's message of it would take a task a
# request.
DISCONNECT = "disconnect"

_RECORD, _PAGE, _CLIENT, _COUNT, _PREFIX = "record", "page", "client", "count", "prefix"


def start_record(scope: Scope, record: RequestRecord) -> None:
    """Give a request its record."""
    _state(scope)[_RECORD] = record


def record_of(scope: Scope) -> RequestRecord:
    """The record of a request."""
    record: RequestRecord = _state(scope)[_RECORD]
    return record


def identify(scope: Scope, client: str, count: Callable[[int], None] | None = None) -> None:
    """Say who asks, and what counts further photographs of the request, where there is a limit."""
    state = _state(scope)
    state[_CLIENT], state[_COUNT] = client, count


def client_of(scope: Scope) -> str:
    """Who asks: a key's name, else the address or network; "" where there is neither."""
    address = scope.get("client")
    client: str = _state(scope).get(_CLIENT) or (str(address[0]) if address else "")
    return client


def count_more(scope: Scope, photographs: int) -> None:
    """Count photographs of a request on top of the one that it counts as.

    Raises:
        RateLimited: they are too many.

    """
    count = _state(scope).get(_COUNT)
    if count and photographs > 0:
        count(photographs)


class Disconnect:
    """Whether the client of a connection went away, and whom that concerns."""

    def __init__(self) -> None:
        self.happened = False
        self._callbacks: set[Callable[[], None]] = set()

    def add(self, callback: Callable[[], None]) -> None:
        """Call it when the client goes away; at once, if that has happened."""
        self._callbacks.add(callback)
        if self.happened:
            callback()

    def discard(self, callback: Callable[[], None]) -> None:
        """It is no longer concerned."""
        self._callbacks.discard(callback)

    def happen(self) -> None:
        """The client went away."""
        self.happened = True
        for callback in list(self._callbacks):
            callback()


def disconnect_of(scope: Scope) -> Disconnect:
    """That of a request; one that never happens where the server tells none."""
    disconnect: Disconnect = _state(scope).setdefault(DISCONNECT, Disconnect())
    return disconnect


def mark_page(scope: Scope, *, page: bool) -> None:
    """Say that the page answers: its many small files stay out of the access log."""
    _state(scope)[_PAGE] = page


def is_page(scope: Scope) -> bool:
    """Whether the page answers."""
    return bool(_state(scope).get(_PAGE))


def set_prefix(scope: Scope, prefix: str) -> None:
    """Say under which prefix the public finds the service: ``/booth``."""
    _state(scope)[_PREFIX] = prefix


def prefix_of(scope: Scope) -> str:
    """What stands before each path for the public; "" for nothing."""
    prefix: str = _state(scope).get(_PREFIX, "")
    return prefix


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    return state
