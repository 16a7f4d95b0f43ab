"""What the sender of a photograph holds until the answer comes: a thread or an event loop waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from booth_client.errors import DeadlineExceeded
from booth_client.wire import Answer
from service.engine.batcher import TOO_LATE
from service.engine.inference import Inference

__all__ = ["Ticket"]


class Ticket:
    """A photograph that was accepted, and will get its answer or its error."""

    def __init__(
        self, future: Future[Inference], deadline: float, name: Callable[[Inference], Answer]
    ) -> None:
        self._future = future
        self._deadline = deadline
        self._name = name

    def wait(self) -> Answer:
        """Block until the answer is there.

        Raises:
            BoothError: what went wrong with this photograph.

        """
        try:
            return self._name(self._future.result(self._deadline - time.monotonic()))
        except FutureTimeoutError:
            self.cancel()
            raise DeadlineExceeded(TOO_LATE) from None

    async def answer(self) -> Answer:
        """As ``wait``, without blocking the event loop; cancelling drops the photograph."""
        # `asyncio.wrap_future` and `asyncio.timeout` do the same for thrice the time.
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(self._deadline - time.monotonic(), _wake, woken)
        self._future.add_done_callback(lambda _: _wake_from_a_thread(loop, woken))
        try:
            await woken
        finally:
            timer.cancel()
            self.cancel()  # has no effect on one that is settled
        if self._future.cancelled() and time.monotonic() < self._deadline:
            raise asyncio.CancelledError
        if self._future.cancelled() or not self._future.done():
            raise DeadlineExceeded(TOO_LATE)
        return self._name(self._future.result())

    def cancel(self) -> None:
        """Nobody wants the answer any more: the photograph is dropped if it has not run yet."""
        self._future.cancel()

    @property
    def inference(self) -> Inference | None:
        """What the network said and what it took; None as long as, or because, it has not run."""
        future = self._future
        if not future.done() or future.cancelled() or future.exception():
            return None
        return future.result()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _wake_from_a_thread(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
        loop.call_soon_threadsafe(_wake, woken)
