"""A call as what it is: a request of HTTP/2, whose head the service knows as an ASGI scope."""

from __future__ import annotations

from urllib.parse import unquote

from grpc.aio import ServicerContext
from starlette.requests import HTTPConnection

__all__ = ["address_of", "connection_of", "seconds_left"]

_NEVER_S = 1e9  # where a client sets no deadline, it may have one in centuries


def connection_of(context: ServicerContext, path: str) -> HTTPConnection:
    """The head of a call: its metadata are the headers, its client's address is the peer's.

    Args:
        context: of the call.
        path: the method, such as ``/inference.GRPCInferenceService/ModelInfer``.

    """
    given = [
        (name.encode(), value.encode("latin-1", "replace"))
        for name, value in context.invocation_metadata() or ()
        if isinstance(value, str)
    ]
    return HTTPConnection(
        {
            "type": "http",
            "http_version": "2",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/grpc"), *given],
            "client": address_of(context.peer()),
        }
    )


def address_of(peer: str) -> tuple[str, int] | None:
    """The address and port of a peer: ``ipv4:127.0.0.1:5000``, ``ipv6:%5B::1%5D:5000``."""
    family, _, rest = peer.partition(":")
    host, _, port = unquote(rest).rpartition(":")
    if family not in ("ipv4", "ipv6") or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)


def seconds_left(context: ServicerContext, most: float) -> float | None:
    """Seconds until the call's deadline, ``most`` at the most; None if it has none."""
    left: float | None = context.time_remaining()
    return None if left is None or left > _NEVER_S else min(left, most)
