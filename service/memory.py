"""The memory that requests may hold at the same time: one budget, taken before the bytes are."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Self

from booth_client.errors import Overloaded

__all__ = ["MemoryBudget", "Reservation"]

# Times what is free, that one client may hold (Choudhury and Hahne 1998, dynamic thresholds): alone
# it gets three quarters, two get three sevenths each, and there is always room for one more.
SHARE = 3


class MemoryBudget:
    """Bytes that all requests of a process may hold together. Safe to use from many threads.

    Args:
        size: of the budget in bytes; ``size`` may be set anew, which leaves what is held alone.

    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._held = 0
        self._peak = 0
        self._clients: Counter[str] = Counter()
        self._changing = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes that are held now."""
        return self._held

    def take_peak(self) -> int:
        """Most bytes that were held at a time since this was asked before."""
        peak, self._peak = self._peak, self._held
        return peak

    def reserve(self, size: int, client: str = "") -> Reservation:
        """Take ``size`` bytes for a client, whose share is bounded; "" is nobody, who has no share.

        Raises:
            Overloaded: there is no room for them, or it would be more than the client's share.

        """
        reservation = Reservation(self, client)
        reservation.resize(size)
        return reservation

    def _take(self, size: int, client: str) -> None:
        """Take more, or give back what is less than 0."""
        with self._changing:
            if size > 0:
                self._check(size, client)
            self._held += size
            self._peak = max(self._peak, self._held)
            if client:
                self._clients[client] += size
                if not self._clients[client]:
                    del self._clients[client]

    def _check(self, size: int, client: str) -> None:
        free = self.size - self._held
        if size > free:
            raise Overloaded("The service has no memory free for this; try again.", retry_after_s=1)
        if client and self._clients[client] + size > SHARE * (free - size):
            raise Overloaded(
                "This client's requests hold all the memory that one client may; "
                "wait for their answers before sending more.",
                retry_after_s=1,
            )


class Reservation:
    """Bytes taken from a budget; a context manager that gives them back. For one thread.

    Attributes:
        client: whose they are.
        size: how many they are.

    """

    def __init__(self, budget: MemoryBudget, client: str) -> None:
        self._budget = budget
        self.client = client
        self.size = 0

    def resize(self, size: int) -> None:
        """Take more, up to ``size``, or give back what is more.

        Raises:
            Overloaded: there is no room for more; what was taken stays.

        """
        self._budget._take(size - self.size, self.client)  # noqa: SLF001 (the other half of it)
        self.size = size

    def release(self) -> None:
        """Give all back."""
        self.resize(0)

    def __enter__(self) -> Self:
        """It is given back at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give all back."""
        self.release()
