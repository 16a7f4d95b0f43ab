"""The message of a call, read only once there is memory for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from grpc.aio import EOF

from booth_client.errors import InvalidParameter, Overloaded, SlowBody
from service.grpc.reading import Reading
from service.memory import MemoryBudget

LONGEST = 100


class Sent:
    """A call whose message comes as soon as it is let."""

    def __init__(self, message: Any = b"photo", *, now: bool = True) -> None:
        self._message = message
        self.come = asyncio.Event()
        self.asked = False
        if now:
            self.come.set()

    async def read(self) -> Any:
        self.asked = True
        await self.come.wait()
        return self._message


async def read(reading: Reading, memory: MemoryBudget, sent: Sent) -> bytes:
    with memory.reserve(0) as reservation:
        return await reading.message(sent, reservation)


def test_the_longest_is_reserved_before_and_what_it_is_after() -> None:
    async def steps() -> None:
        memory = MemoryBudget(1000)
        reading, sent = Reading(memory, LONGEST, 10), Sent(now=False)
        with memory.reserve(0) as reservation:
            task = asyncio.create_task(reading.message(sent, reservation))
            await asyncio.sleep(0)
            assert memory.held == LONGEST
            sent.come.set()
            assert await task == b"photo"
            assert memory.held == len(b"photo")

    asyncio.run(steps())


def test_one_waits_for_memory_as_long_as_another_is_read() -> None:
    async def steps() -> None:
        memory = MemoryBudget(150)
        reading, first, second = Reading(memory, LONGEST, 10), Sent(now=False), Sent()
        tasks = [asyncio.create_task(read(reading, memory, one)) for one in (first, second)]
        await asyncio.sleep(0.01)
        assert not second.asked
        first.come.set()
        assert await asyncio.gather(*tasks) == [b"photo", b"photo"]
        assert memory.held == 0

    asyncio.run(steps())


def test_without_any_to_wait_for_it_is_refused_at_once() -> None:
    memory = MemoryBudget(50)
    with pytest.raises(Overloaded):
        asyncio.run(read(Reading(memory, LONGEST, 10), memory, Sent()))


def test_who_waits_in_vain_learns_that_there_is_no_memory() -> None:
    async def steps() -> None:
        memory = MemoryBudget(150)
        reading, first = Reading(memory, LONGEST, 0.05), Sent(now=False)
        tasks = [asyncio.create_task(read(reading, memory, one)) for one in (first, Sent())]
        slow, waited = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(slow, SlowBody)
        assert isinstance(waited, Overloaded)
        assert memory.held == 0

    asyncio.run(steps())


def test_a_name_is_short() -> None:
    async def steps() -> None:
        memory = MemoryBudget(10_000)
        reading = Reading(memory, 5000, 10)
        with memory.reserve(0) as reservation:
            assert len(await reading.short(Sent(bytes(4096)), reservation)) == 4096
            with pytest.raises(InvalidParameter, match="has 4097 bytes, and may have 4096"):
                await reading.short(Sent(bytes(4097)), reservation)

    asyncio.run(steps())


def test_a_call_without_a_message_is_refused() -> None:
    memory = MemoryBudget(1000)
    with pytest.raises(InvalidParameter, match="no message"):
        asyncio.run(read(Reading(memory, LONGEST, 10), memory, Sent(EOF)))
