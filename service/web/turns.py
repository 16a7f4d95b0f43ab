"""What one request has at a time: each client in turn, so that none keeps it from the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

__all__ = ["Turns"]


class Turns:
    """Gives turns, to a client's requests in their order; those of one event loop at a time."""

    def __init__(self) -> None:
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()

    @contextlib.asynccontextmanager
    async def of(self, client: str) -> AsyncIterator[None]:
        """Wait for a client's turn, which lasts as long as the block.

        Args:
            client: who asks; "" counts as one, too.

        """
        line = self._lines.setdefault(asyncio.get_running_loop(), _Line())
        await line.take(client)
        try:
            yield
        finally:
            line.give_back()


class _Line:
    def __init__(self) -> None:
        self._taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, client: str) -> None:
        if not self._taken:
            self._taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had its turn already
                self.give_back()
            raise

    def give_back(self) -> None:
        while self._waiting:
            client, turns = next(iter(self._waiting.items()))
            turn = turns.popleft()
            self._waiting.move_to_end(client)
            if not turns:
                del self._waiting[client]
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False
