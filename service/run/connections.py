"""All connections of a server: how many there may be, whose goes first, and who is next."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter, deque
from collections.abc import Iterable
from typing import Protocol

from service.settings import UNIX
from service.web.access_control import client_network

__all__ = ["Connection", "Connections"]


class Connection(Protocol):
    """One of them, as far as the others are concerned."""

    owner: str
    since: float

    def waits(self) -> bool:
        """Whether its client is to act: it sends nothing, half a request, or takes no answer."""

    def give_way(self) -> None:
        """End at once."""

    def go_on(self) -> None:
        """Turn to the request that waits behind the one that was answered."""


class Connections:
    """The connections of one server.

    Where there is no room for one more, one goes that waits for its client: the one that has
    waited longest, of the client who has the most connections.

    Args:
        proxies: addresses and networks whose connections stand for many clients, and so have no
            share of their own.

    """

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        given = list(proxies)
        self._proxies = [ipaddress.ip_network(one) for one in given if one != UNIX]
        self._trusts_unix = UNIX in given
        self._open: set[Connection] = set()
        self._of_client: Counter[str] = Counter()
        self._ahead: deque[Connection] = deque()

    def owner(self, host: str) -> str:
        """The client who has a connection from this address; "" for a trusted proxy."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return "" if host == UNIX and self._trusts_unix else host
        is_proxy = any(address in network for network in self._proxies)
        return "" if is_proxy else client_network(host)

    def has_room(self, owner: str, most: int, most_of_client: int) -> bool:
        """Whether there is room for one more; another one may have to go for it."""
        if owner and self._of_client[owner] >= most_of_client:
            return self._make_room(owner)
        return len(self._open) < most or self._make_room()

    def add(self, connection: Connection) -> None:
        """Count one more."""
        self._open.add(connection)
        self._of_client[connection.owner] += 1

    def discard(self, connection: Connection) -> None:
        """It is no more, if it was counted."""
        if connection in self._open:
            self._open.remove(connection)
            self._of_client[connection.owner] -= 1
            if not self._of_client[connection.owner]:
                del self._of_client[connection.owner]

    def take_turns(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Let it go on when it is its turn: one connection in each turn of the loop.

        Hundreds of clients that send hundreds of requests without waiting for answers would
        otherwise have hundreds answered before anybody else's first.
        """
        self._ahead.append(connection)
        if len(self._ahead) == 1:
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._ahead[0].go_on()
        finally:
            self._ahead.popleft()
            if self._ahead:
                loop.call_soon(self._next, loop)

    def _make_room(self, owner: str | None = None) -> bool:
        waiting = [one for one in self._open if owner in (None, one.owner) and one.waits()]
        if not waiting:
            return False
        # A proxy's connections are many clients': they go last.
        first = min(
            waiting, key=lambda one: (not one.owner, -self._of_client[one.owner], one.since)
        )
        self.discard(first)
        first.give_way()
        return True
