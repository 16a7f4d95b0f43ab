"""The body of a request to the page: bounded in bytes, in time, and in the memory of all."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request

from booth_client import SlowBody, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope

__all__ = ["Bodies", "Memory", "Reservation", "client_of"]


class Reservation(Protocol):
    """Bytes taken from a budget."""

    def resize(self, size: int) -> None:
        """Take more, up to ``size``, or raise that there is no room; or give back what is more."""

    def release(self) -> None:
        """Give all back."""


class Memory(Protocol):
    """Bytes that all requests may hold together."""

    def reserve(self, size: int, client: str = "") -> Reservation:
        """Take ``size`` bytes for a client, or raise that there is no room."""


@dataclass(frozen=True)
class Bodies:
    """Reads bodies.

    Args:
        memory: what they are reserved from.
        max_bytes: of a photograph.
        timeout_s: seconds that a body may take to arrive.

    """

    memory: Memory
    max_bytes: int = 20_000_000
    timeout_s: float = 10.0

    @contextlib.contextmanager
    def held(self, scope: Scope) -> Iterator[Reservation]:
        """What a request holds of the memory, as long as the block runs."""
        reservation = self.memory.reserve(0, client_of(scope))
        try:
            yield reservation
        finally:
            reservation.release()

    async def read(
        self, scope: Scope, receive: Receive, held: Reservation, max_bytes: int
    ) -> list[bytes]:
        """The body, in the pieces in which it came.

        Raises:
            Overloaded: there is no memory for it.
            TooLarge: it is, or says it will be, longer than ``max_bytes``.
            SlowBody: it was not there in time.
            ClientDisconnect: the client went away.

        """
        try:
            async with asyncio.timeout(self.timeout_s):
                return await _read(Request(scope, receive), held, max_bytes)
        except TimeoutError:
            raise SlowBody(
                f"The body was not complete after {self.timeout_s:g} s; "
                "send it faster, or a smaller photo."
            ) from None


async def _read(request: Request, held: Reservation, max_bytes: int) -> list[bytes]:
    refusal = TooLarge(f"The body is larger than {max_bytes} bytes; send a smaller photograph.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise refusal
    pieces: list[bytes] = []
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if received > max_bytes:
            raise refusal
        held.resize(received)
        if piece:
            pieces.append(piece)
    return pieces


def client_of(scope: Scope) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that is the least an IPv6 user gets."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    return str(ipaddress.ip_network((host, 64), strict=False)) if address.version == 6 else host  # noqa: PLR2004
