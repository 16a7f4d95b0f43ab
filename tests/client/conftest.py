"""A real service to ask, as the service's own tests start it."""

from tests.service.conftest import serve, server

__all__ = ["serve", "server"]
