"""``grpc.health.v1``: whether traffic is welcome, as Kubernetes and gRPC's clients ask for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator

from google.protobuf.message import DecodeError
from grpc import RpcMethodHandler, stream_stream_rpc_method_handler
from grpc.aio import ServicerContext
from starlette.requests import HTTPConnection

from booth_client.errors import BoothError, InvalidParameter, Overloaded, UnknownModel
from service.grpc.calls import Call, Calls, address_of
from service.grpc.messages import HEALTH_SERVICE, INFERENCE_SERVICE, health
from service.grpc.reading import Reading
from service.grpc.status import code_of
from service.web.state import ServiceState

__all__ = ["handlers"]

_Request, _Response = health["HealthCheckRequest"], health["HealthCheckResponse"]
_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3

_SERVICES = ("", INFERENCE_SERVICE, HEALTH_SERVICE)
_LOOKS_EVERY_S = 0.25
_MOST_WATCHERS = 100
_MOST_OF_ONE = _MOST_WATCHERS // 2


def handlers(state: ServiceState, calls: Calls, reading: Reading) -> dict[str, RpcMethodHandler]:
    """The handlers of the service's methods, by name."""
    front = _Health(state, calls, reading)
    return {
        "Check": calls.handler(f"/{HEALTH_SERVICE}/Check", front.check),
        "Watch": stream_stream_rpc_method_handler(front.watch),
    }


class _Health:
    def __init__(self, state: ServiceState, calls: Calls, reading: Reading) -> None:
        self._state = state
        self._calls = calls
        self._reading = reading
        self._watchers: Counter[str] = Counter()

    async def check(self, call: Call) -> bytes:
        """The status now."""
        if await self._service(call.context, call.connection) not in _SERVICES:
            raise UnknownModel(
                f"There is no service of that name here; there are {INFERENCE_SERVICE} and "
                f"{HEALTH_SERVICE}, and none is named for all of it."
            )
        return _told(self._status())

    async def watch(self, _sent: object, context: ServicerContext) -> AsyncIterator[bytes]:
        """The status now, and each one that follows, until the service ends."""
        try:
            connection = await self._calls.connection(context)
            with self._place(address_of(connection)), self._calls.share(connection):
                known = await self._service(context, connection) in _SERVICES
                told = None
                async for status in self._statuses():
                    shown = status if known else _SERVICE_UNKNOWN
                    if shown != told:
                        yield _told(shown)
                        told = shown
        except BoothError as error:
            await context.abort(code_of(error), error.detail)

    @contextlib.contextmanager
    def _place(self, address: str) -> Iterator[None]:
        """Count a watcher, which stays for as long as it likes.

        Raises:
            Overloaded: there are too many, or too many from its address.

        """
        if self._watchers.total() >= _MOST_WATCHERS or self._watchers[address] >= _MOST_OF_ONE:
            raise Overloaded("Too many clients watch the health already; check it instead.")
        self._watchers[address] += 1
        try:
            yield
        finally:
            self._watchers -= Counter([address])

    async def _statuses(self) -> AsyncIterator[int]:
        """The status each time that it is looked at."""
        while not self._state.closing.is_set():
            yield self._status()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._state.closing.wait(), _LOOKS_EVERY_S)
        yield _NOT_SERVING

    def _status(self) -> int:
        return _NOT_SERVING if self._state.not_ready() else _SERVING

    async def _service(self, context: ServicerContext, connection: HTTPConnection) -> str:
        """The service that is asked about; all, where there is no memory to read which.

        Raises:
            SlowBody, InvalidParameter: there is no message, or another one.

        """
        with self._state.memory.reserve(0, address_of(connection)) as reservation:
            try:
                message = await self._reading.short(context, reservation)
            except Overloaded:
                return ""
            try:
                service: str = _Request.FromString(message).service
            except DecodeError:
                raise InvalidParameter(
                    "The message is malformed; it must be a grpc.health.v1.HealthCheckRequest."
                ) from None
            return service


def _told(status: int) -> bytes:
    message: bytes = _Response(status=status).SerializeToString()
    return message
