"""The message of a call, read only once there is memory for it.

Its length is not known before it is there, so for that time it counts as the longest there may be.
Until it is asked for, a client can send no more of it than the window of its stream.
"""

from __future__ import annotations

import asyncio

from grpc.aio import EOF, ServicerContext

from booth_client.errors import InvalidParameter, Overloaded, SlowBody
from service.memory import MemoryBudget, Reservation

__all__ = ["Reading"]

_MOST_SHORT = 4096


class Reading:
    """Reads the messages of one server. For one event loop.

    Args:
        memory: of the service.
        max_bytes: the longest message; the server takes no longer one.
        timeout_s: the longest that a message is waited for.

    """

    def __init__(self, memory: MemoryBudget, max_bytes: int, timeout_s: float) -> None:
        self._memory = memory
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._under_way = 0
        self._one_is_read = asyncio.Event()

    async def message(self, context: ServicerContext, reservation: Reservation) -> bytes:
        """The one message that a call sends.

        Args:
            context: of the call, from which nothing has been read.
            reservation: gets its bytes.

        Raises:
            Overloaded: there is no memory free for it.
            SlowBody: it was not there in time.
            InvalidParameter: there is none.

        """
        refusal: Overloaded | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                while refusal := self._refused(reservation):
                    await self._one_is_read.wait()
                return await self._read(context, reservation)
        except TimeoutError:
            if refusal:
                raise refusal from None
            raise SlowBody(
                f"The message was not complete after {self._timeout_s:g} s; send it faster, or a "
                "smaller photo."
            ) from None

    async def short(self, context: ServicerContext, reservation: Reservation) -> bytes:
        """The same, of a message that names something, and is parsed on the event loop.

        Raises:
            Overloaded, SlowBody, InvalidParameter: as above, or it is long.

        """
        message = await self.message(context, reservation)
        if len(message) > _MOST_SHORT:
            raise InvalidParameter(
                f"The message has {len(message)} bytes, and may have {_MOST_SHORT}; "
                "send names alone."
            )
        return message

    def _refused(self, reservation: Reservation) -> Overloaded | None:
        """Take the memory; or why not, as long as it may become free at any moment.

        Raises:
            Overloaded: it may not: no message is being read that might turn out to be short.

        """
        try:
            reservation.resize(self._max_bytes)
        except Overloaded as error:
            if not self._under_way:
                raise
            return error
        return None

    async def _read(self, context: ServicerContext, reservation: Reservation) -> bytes:
        self._under_way += 1
        try:
            # Not the iterator that the library offers: it never lets go of what it has read.
            message: bytes = await context.read()
        finally:
            self._under_way -= 1
            self._tell()
        if message is EOF:
            raise InvalidParameter("The call has no message; send one.")
        reservation.resize(len(message))
        return message

    def _tell(self) -> None:
        """Have all others look again whether there is memory, after this one has given its back."""
        loop = asyncio.get_running_loop()
        ended, self._one_is_read = self._one_is_read, asyncio.Event()
        loop.call_soon(ended.set)
