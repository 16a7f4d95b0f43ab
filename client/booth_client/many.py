"""Many questions at once, so many at a time, with the answers in their order."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_order", "in_order_async"]

# So many times as many are asked as go on at once: a slow one does not hold up those behind it.
_AHEAD = 2

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Pause = Callable[[float], None]


def in_order(
    ask: Callable[[_Item, _Pause], _Result], items: Iterable[_Item], concurrency: int
) -> Generator[_Result, None, None]:
    """What ``ask`` says of each item, on as many threads as ``concurrency``.

    ``ask`` gets a function that waits so many seconds, and ends it where nobody wants the rest.
    Items are taken as answers are, so that there may be any number of them.
    """
    stopped = threading.Event()

    def pause(seconds: float) -> None:
        if stopped.wait(seconds):
            raise CancelledError

    pool = ThreadPoolExecutor(concurrency, "booth-client")
    asked: deque[Future[_Result]] = deque()
    try:
        for item in items:
            asked.append(pool.submit(ask, item, pause))
            while asked and (len(asked) >= _AHEAD * concurrency or asked[0].done()):
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


async def in_order_async(
    ask: Callable[[_Item], Awaitable[_Result]], items: Iterable[_Item], concurrency: int
) -> AsyncGenerator[_Result, None]:
    """As ``in_order``, with tasks of the event loop."""
    free = asyncio.Semaphore(concurrency)

    async def ask_when_free(item: _Item) -> _Result:
        async with free:
            return await ask(item)

    asked: deque[asyncio.Task[_Result]] = deque()
    try:
        for item in items:
            asked.append(asyncio.create_task(ask_when_free(item)))
            while asked and (len(asked) >= _AHEAD * concurrency or asked[0].done()):
                yield await asked.popleft()
        while asked:
            yield await asked.popleft()
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
