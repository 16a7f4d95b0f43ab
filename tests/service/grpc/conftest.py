"""Services in this process that speak gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import Inside
from tests.service.grpc.calling import Client, speaking

Speak = Callable[..., contextlib.AbstractContextManager[tuple[Inside, Client]]]


@pytest.fixture
def speak(tiny: Path) -> Speak:
    """Starts one with the tiny model: ``with speak(queue_size=1) as (inside, client)``."""
    return lambda **settings: speaking(models=tiny, **settings)


@pytest.fixture(scope="session")
def client(tiny: Path) -> Iterator[Client]:
    """A client of one with tight limits."""
    limits = {"max_body_bytes": 300_000, "max_photos": 4, "body_timeout_ms": 300}
    with speaking(models=tiny, **limits) as (_, one):
        yield one
