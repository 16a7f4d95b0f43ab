"""The HTTP server's run: start, drain, end with the right exit status."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from service.run.app import answering_s, create_app
from service.run.connections import Connections
from service.run.listener import BACKLOG, Listener, listen, listen_on_port
from service.run.protocol import CONNECTIONS, Protocol
from service.run.proxies import networks_of
from service.run.startup import reload
from service.web.state import ServiceState

try:
    import resource
except ModuleNotFoundError:  # Windows has none, and no such limit
    resource = None  # type: ignore[assignment]

__all__ = ["run"]

log = logging.getLogger(__name__)

LEAVING_S = 0.5  # for threads to end that have been told to
LOG_THREAD = "booth-log"  # ends last
TICK_S = 0.1  # how often uvicorn's main loop looks up
FILES = Protocol.max_connections + 1000  # open at the same time: connections, models, the page's
FAULT_PAUSE_S = 1.0
# After how long a thread that waits for Python's lock has it handed over. The threads of the
# network need it for microseconds, between two computations. By default that is 5 ms, and begins
# again whenever the lock is free for a moment: beside a loop that answers hundreds of requests a
# second they waited for a quarter of their time.
SWITCH_S = 1e-4


def run(state: ServiceState) -> int:
    """Serve until told to end.

    SIGTERM and SIGINT: ``/readyz`` turns 503, what was accepted is answered, then the end; a second
    one ends at once. SIGHUP: the models are read again.

    Returns:
        The exit status: 0 after a proper end, 1 if the service could not start.

    """
    settings = state.settings
    try:
        listener = listen(settings)
    except OSError as error:
        where = settings.uds or f"{settings.host}:{settings.port}"
        others = "BOOTH_UDS" if settings.uds else "BOOTH_HOST or BOOTH_PORT"
        return _not_listening(where, others, error)
    try:
        if settings.grpc_port:
            listen_on_port(settings.host, settings.grpc_port).close()  # gRPC's own says less of it
    except OSError as error:
        listener.socket.close()
        listener.close()
        where = f"{settings.host}:{settings.grpc_port}"
        return _not_listening(where, "BOOTH_HOST or BOOTH_GRPC_PORT", error)
    _allow_files()
    sys.setswitchinterval(SWITCH_S)
    try:
        _Server(state, create_app(state), listener).run([listener.socket])
    finally:
        listener.close()
    if state.fatal:
        log.error("%s", state.fatal)
    status = 1 if state.fatal else 0
    _leave_behind_what_runs(status)
    return status


def _not_listening(where: str, settings: str, error: OSError) -> int:
    """Say why it can't; the exit status."""
    log.error("can't listen on %s: %s; set another %s", where, error.strerror or error, settings)
    return 1


def _leave_behind_what_runs(status: int) -> None:
    """End the process here if models still run: Python's own end would wait for some of them."""
    end = time.monotonic() + LEAVING_S
    threads = [one for one in threading.enumerate() if one.name.startswith("booth-")]
    threads = [one for one in threads if one.name != LOG_THREAD]
    for one in threads:
        one.join(max(0.0, end - time.monotonic()))
    if any(one.is_alive() for one in threads):
        _end_at_once(status, "A model that does not end is left behind.")


def _end_at_once(status: int, sentence: str) -> None:
    """End the process, whatever its threads do; their names are told."""
    running = ", ".join(one.name for one in threading.enumerate())
    log.warning("%s Threads that ran: %s.", sentence, running)
    logging.shutdown()
    os._exit(status)


def _allow_files() -> None:
    """Let the limit of open files not be what refuses connections: it often is 1024, or 256."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that stand in the listener's queue; closing it would reset them."""
    with contextlib.suppress(OSError):  # none is left, or one left at this very moment
        while True:
            yield listener.accept()[0]


class _Server(uvicorn.Server):
    """Uvicorn, but it drains before it closes, and a proper end on a signal is exit status 0."""

    def __init__(self, state: ServiceState, app: ASGIApp, listener: Listener) -> None:
        self._state = state
        self._where = listener.where
        self._drained_s = 0.0
        self._reloads: set[asyncio.Task[None]] = set()
        self._told_fault_s = 0.0
        settings = state.settings
        self._proxies = networks_of(settings.trusted_proxies)
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # the application looks at them itself
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=settings.keep_alive_ms / 1000,  # type: ignore[arg-type]
                timeout_graceful_shutdown=answering_s(settings),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and to read the models again on SIGHUP."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_fault)
        if hasattr(signal, "SIGHUP") and current_thread() is main_thread():
            # Not the loop's own way, which at the end would give the signal its default back: to
            # kill the process.
            signal.signal(signal.SIGHUP, lambda *_: self._hang_up(loop))
        self.lifespan.state[CONNECTIONS] = Connections(self._proxies)
        await super().startup(sockets)
        log.info("listening on %s", self._where)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody new; answer those whom the kernel has already accepted; end."""
        self._end_within_grace_period()
        self._state.closing.set()
        waiting = [one for listener in sockets or [] for one in _accepted(listener)]
        for server in self.servers:
            server.close()
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        await super().shutdown(sockets)

    def _end_within_grace_period(self) -> None:
        """Where something never ends, such as a library's call on a thread, end without it."""
        settings, status = self._state.settings, 1 if self._state.fatal else 0
        left_s = max(0, settings.grace_ms - settings.drain_ms) / 1000
        sentence = "The grace period is over."
        timer = threading.Timer(left_s, _end_at_once, (status, sentence))
        timer.daemon = True
        timer.start()

    def _protocol(self) -> Protocol:
        return Protocol(self.config, self.server_state, self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain first; the second signal does not wait."""
        del sig, frame
        if self._state.draining:
            self.should_exit = self.force_exit = True
            return
        self._state.draining = True
        log.info("draining")

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end."""
        if self._state.fatal:
            self.should_exit = True
        if self._state.draining and not self.should_exit:
            self._drained_s += TICK_S
            if self._drained_s * 1000 >= self._state.settings.drain_ms:
                self.should_exit = True
        return await super().on_tick(counter)

    def _on_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of what nobody waits for and went wrong: in one line, and one a second."""
        if loop.time() - self._told_fault_s < FAULT_PAUSE_S:
            return
        self._told_fault_s = loop.time()
        cause = context.get("exception")
        told = f"{type(cause).__name__}: {cause}" if cause else ""
        log.error("%s %s", context["message"], told)

    def _hang_up(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._reload)

    def _reload(self) -> None:
        task = asyncio.get_running_loop().create_task(reload(self._state))
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
