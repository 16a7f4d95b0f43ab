"""The memory of a page that is a process of its own; within the service, the service's own."""

from __future__ import annotations

from collections import Counter

from booth_client import Overloaded

__all__ = ["Budget"]


class Budget:
    """Bytes that all requests may hold together, and of these each client only a part.

    Args:
        size: of the budget in bytes.

    """

    def __init__(self, size: int = 256_000_000) -> None:
        self._size = size
        self._clients: Counter[str] = Counter()

    def reserve(self, size: int, client: str = "") -> _Reservation:
        """Take ``size`` bytes for a client.

        Raises:
            Overloaded: there is no room for them, or it would be more than the client's part.

        """
        reservation = _Reservation(self, client)
        reservation.resize(size)
        return reservation

    def take(self, size: int, client: str) -> None:
        """Take more, or give back what is less than 0."""
        free = self._size - self._clients.total() - size
        # Three times what is left, so that there is always room for one more.
        if size > 0 and self._clients[client] + size > 3 * free:
            raise Overloaded("There is no memory free for this; try again.", retry_after_s=1)
        self._clients[client] += size
        if not self._clients[client]:
            del self._clients[client]


class _Reservation:
    def __init__(self, budget: Budget, client: str) -> None:
        self._budget = budget
        self._client = client
        self._size = 0

    def resize(self, size: int) -> None:
        """Take more, up to ``size``, or give back what is more."""
        self._budget.take(size - self._size, self._client)
        self._size = size

    def release(self) -> None:
        """Give all back."""
        self.resize(0)
