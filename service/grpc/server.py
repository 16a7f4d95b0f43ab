"""The server of gRPC, on the event loop of the other one: how it begins, its bounds, its end."""

from __future__ import annotations

import asyncio
import logging

from grpc import method_handlers_generic_handler
from grpc.aio import Server, server

from service.api.answering import Answering
from service.grpc import health, open_inference
from service.grpc.calls import MOST_CALLS, Calls
from service.grpc.messages import HEALTH_SERVICE, INFERENCE_SERVICE
from service.grpc.reading import Reading
from service.settings import Settings
from service.web.state import ServiceState

__all__ = ["GrpcServer"]

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 1000
_MOST_OF_A_CONNECTION = 256  # calls at a time; a client keeps further ones back
_AGAIN_S = 0.1
_HANDSHAKE_MS = 10_000
_QUIET_MS = 30_000  # after which a client is asked whether it is still there
_ANSWERS_WITHIN_MS = 10_000
_PINGS_EVERY_MS = 10_000  # more of them are a flood, which ends the connection
# A client that takes no answer goes with its connection; others make a new one meanwhile.
_OLDEST_MS, _LEAVES_WITHIN_MS = 600_000, 70_000


class GrpcServer:
    """Serves both services, from ``start`` to ``stop``.

    Args:
        state: of the service.
        answering: answers for all fronts.
        calls: what all calls go through.

    """

    def __init__(self, state: ServiceState, answering: Answering, calls: Calls) -> None:
        self._state = state
        self._answering = answering
        self._calls = calls
        # A client that goes while its answer is sent would be a traceback each time.
        logging.getLogger("grpc").setLevel(logging.CRITICAL)

    async def start(self) -> None:
        """Listen, and answer from now on.

        Raises:
            RuntimeError: it can't listen there.

        """
        self._server = await self._listening()
        log.info("listening for gRPC on %s", self._address())

    async def renew(self) -> None:
        """End all connections and calls at once, and take new ones."""
        await self._server.stop(None)
        while True:
            try:
                self._server = await self._listening()
            except RuntimeError:  # the port is not free yet
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _listening(self) -> Server:
        settings = self._state.settings
        reading = Reading(
            self._state.memory, settings.max_body_bytes, settings.body_timeout_ms / 1000
        )
        services = {
            INFERENCE_SERVICE: open_inference.handlers(
                self._state, self._answering, self._calls, reading
            ),
            HEALTH_SERVICE: health.handlers(self._state, self._calls, reading),
        }
        listening = server(options=_options(settings), maximum_concurrent_rpcs=MOST_CALLS)
        listening.add_generic_rpc_handlers(
            [method_handlers_generic_handler(name, of_it) for name, of_it in services.items()]
        )
        listening.add_insecure_port(self._address())
        await listening.start()
        return listening

    def _address(self) -> str:
        host, port = self._state.settings.host, self._state.settings.grpc_port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def stop(self, grace_s: float) -> None:
        """Take no further calls; answer those that were accepted, for so long at the most."""
        await self._server.stop(grace_s)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_allowed_incoming_connections", _MOST_CONNECTIONS),
        ("grpc.max_concurrent_streams", _MOST_OF_A_CONNECTION),
        # Its window grows with what a client manages to send, and is to hold back what nobody
        # reads yet. It still grows to a whole message as soon as that is read.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.keepalive_time_ms", _QUIET_MS),
        ("grpc.keepalive_timeout_ms", _ANSWERS_WITHIN_MS),
        ("grpc.http2.min_ping_interval_without_data_ms", _PINGS_EVERY_MS),
        ("grpc.max_connection_idle_ms", settings.keep_alive_ms),
        ("grpc.max_connection_age_ms", _OLDEST_MS),
        ("grpc.max_connection_age_grace_ms", _LEAVES_WITHIN_MS),
        # Else a second service could listen on the same port, and take every other connection.
        ("grpc.so_reuseport", 0),
    ]
