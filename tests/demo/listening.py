"""An app on a real socket, within the test's own process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Thread
from typing import Literal

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from demo.visits import Protocol
from tests.waiting import ended, eventually

__all__ = ["listening"]


@contextlib.contextmanager
def listening(app: ASGIApp, protocol: type[Protocol] = Protocol) -> Iterator[int]:
    """The port on which an app answers as long as the block runs."""
    lifespan: Literal["on", "off"] = "on" if isinstance(app, Starlette) else "off"
    config = uvicorn.Config(
        app,
        http=protocol,
        port=0,
        log_config=None,
        ws="none",
        lifespan=lifespan,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        ended(thread)
