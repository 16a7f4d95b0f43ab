"""A look at the memory of the whole process, which gRPC's library may fill past all its bounds.

A head that has no end is such a case: what a client sends of it stays, some hundred megabytes a
connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from service.machine import give_back_memory, resident_bytes

__all__ = ["guard"]

log = logging.getLogger(__name__)

_EVERY_S = 0.25
# What may come on top of what is still held when all connections have ended, before they are ended
# again: it was not theirs.
_SPARE_BYTES = 100_000_000


async def guard(
    most: int,
    end_connections: Callable[[], Awaitable[None]],
    *,
    every_s: float = _EVERY_S,
) -> None:
    """End all connections each time that the process holds more than it may, for ever.

    Args:
        most: bytes that the process may hold.
        end_connections: does it, and has new ones come.
        every_s: the time between two looks.

    """
    limit = most
    while True:
        await asyncio.sleep(every_s)
        if (held := resident_bytes()) > limit:
            log.warning(
                "all connections of gRPC end: the process holds %d MB, and may hold %d",
                held // 1_000_000,
                most // 1_000_000,
            )
            await end_connections()
            await asyncio.to_thread(give_back_memory)
            limit = max(most, resident_bytes() + _SPARE_BYTES)
        elif held <= most:
            limit = most
