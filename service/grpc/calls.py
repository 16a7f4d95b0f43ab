"""Around every call: its record, who may make it, and a status in place of an error."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from grpc import RpcMethodHandler, stream_unary_rpc_method_handler
from grpc.aio import BaseError, ServicerContext
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from booth_client.errors import BoothError, Overloaded
from service.grpc.connection import connection_of, seconds_left
from service.grpc.status import code_of
from service.telemetry.record import RequestRecord
from service.web import problems
from service.web.access_control import AccessControl, client_network
from service.web.recorder import Recorder

__all__ = ["MOST_CALLS", "Answer", "Call", "Calls", "address_of"]

MOST_CALLS = 1000  # at a time; half of them of one address
_MOST_OF_ONE = MOST_CALLS // 2

OK = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its head; of what it sends, nothing has been read yet."""

    connection: HTTPConnection
    context: ServicerContext

    def seconds_left(self, most: float) -> float | None:
        """Seconds until its deadline, ``most`` at the most; None if it has none."""
        return seconds_left(self.context, most)


Answer: TypeAlias = Callable[[Call], Awaitable[bytes]]


class Calls:
    """What all calls of one server go through.

    Args:
        recorder: keeps their records.
        access: knows who may make which.
        proxies: put into a scope for whom a trusted proxy makes it; all that they do with it.

    """

    def __init__(self, recorder: Recorder, access: AccessControl, proxies: ASGIApp) -> None:
        self._recorder = recorder
        self._access = access
        self._proxies = proxies
        self._of_address: Counter[str] = Counter()

    def handler(self, path: str, answer: Answer, *, classifies: bool = False) -> RpcMethodHandler:
        """The handler of a method that takes one message and gives one.

        To the library it takes many: it then leaves it to us when the first one is read.

        Args:
            path: the method's, such as ``/inference.GRPCInferenceService/ModelInfer``.
            answer: gives the answer's bytes.
            classifies: it asks for labels, and counts in the metrics.

        """

        async def handle(_sent: object, context: ServicerContext) -> bytes:
            connection = await self.connection(context, path)
            record = self._recorder.begin(connection.scope, classifies=classifies)
            context.set_trailing_metadata((("x-request-id", record.request_id),))
            try:
                with self.share(connection):
                    self._access.check(connection.scope)
                    message = await answer(Call(connection, context))
                record.status = OK
            except (asyncio.CancelledError, BaseError):  # the client is gone, or its connection
                record.status, record.outcome = problems.CLIENT_CLOSED_REQUEST, "cancelled"
                raise
            except Exception as cause:  # noqa: BLE001 (the client gets a status, whatever it was)
                await _refuse(context, cause, record)
            finally:
                self._recorder.end(connection.scope, record)
            return message

        handler: RpcMethodHandler = stream_unary_rpc_method_handler(handle)
        return handler

    async def connection(self, context: ServicerContext, path: str = "") -> HTTPConnection:
        """The head of a call, with the address of its client, not that of a trusted proxy."""
        connection = connection_of(context, path)
        await self._proxies(connection.scope, _nothing, _nothing)
        return connection

    @contextlib.contextmanager
    def share(self, connection: HTTPConnection) -> Iterator[None]:
        """Count a call while it lasts.

        Raises:
            Overloaded: there are too many from its address.

        """
        address = address_of(connection)
        if self._of_address[address] >= _MOST_OF_ONE:
            raise Overloaded(
                "This client's calls are all that one client may have at a time; wait for their "
                "answers before sending more.",
                retry_after_s=1,
            )
        self._of_address[address] += 1
        try:
            yield
        finally:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]


def address_of(connection: HTTPConnection) -> str:
    """Who counts as one client, whatever key it has."""
    return client_network(connection.client.host if connection.client else "")


async def _nothing(*_: object) -> Any:
    """Neither to receive from nor to send to."""


async def _refuse(context: ServicerContext, cause: Exception, record: RequestRecord) -> Any:
    """End a call with the status of what went wrong."""
    error = cause if isinstance(cause, BoothError) else problems.unforeseen(cause)
    record.status, record.outcome = error.status, error.outcome
    sentence = problems.sentence_of(error, record)
    _let_go(cause)
    metadata = [("x-request-id", record.request_id)]
    if error.retry_after_s is not None:
        metadata.append(("grpc-retry-pushback-ms", str(error.retry_after_s * 1000)))
    await context.abort(code_of(error), sentence, tuple(metadata))


def _let_go(error: BaseException | None) -> None:
    """Empty the frames of an error and of those behind it.

    The library keeps it in a cycle, and the message that they hold until the cycle is found.
    """
    while error:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
