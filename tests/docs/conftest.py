"""A service as the documents' reader starts it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def address(server: str) -> str:
    """``host:port`` of a service with the shipped models and the default settings."""
    return server.removeprefix("http://")
