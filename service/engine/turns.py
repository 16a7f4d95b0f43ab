"""Who is next: fair turns by client, so that one who sends much waits behind itself alone."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

__all__ = ["FairQueue"]

_T = TypeVar("_T")


class FairQueue(Generic[_T]):
    """A queue for each client, one from each in turn (Nagle 1987, RFC 970). Not thread-safe."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[_T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def append(self, item: _T, client: str = "") -> None:
        """Let one wait behind those of its client."""
        self._count += 1
        queue = self._queues.get(client)
        if queue is None:
            self._queues[client] = deque((item,))
        else:
            queue.append(item)

    def popleft(self) -> _T:
        """Take the first of the client whose turn it is.

        Raises:
            IndexError: nobody waits.

        """
        if not self._count:
            raise IndexError("nobody waits")
        self._count -= 1
        client, queue = next(iter(self._queues.items()))
        item = queue.popleft()
        if queue:
            self._queues.move_to_end(client)
        else:
            del self._queues[client]
        return item
