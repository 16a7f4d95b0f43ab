"""CORS: which sites' pages may read the API's answers, as the Fetch standard has it."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booth_client.errors import Forbidden
from service.web.access_control import PAGE_FILES
from service.web.problems import fields_of, media_type_of

__all__ = ["Cors"]

_METHODS = b"GET, HEAD, POST"
# Of a request, beside those that need no leave; and of an answer, likewise.
_ALLOWED = (
    b"Authorization, Cache-Control, Content-Encoding, Content-Type, If-None-Match, "
    b"Inference-Header-Content-Length, X-Request-ID, X-Requested-With, traceparent, tracestate"
)
_EXPOSED = (
    b"ETag, Inference-Header-Content-Length, Retry-After, Server-Timing, WWW-Authenticate, "
    b"X-Request-ID"
)
_MAX_AGE_S = b"7200"  # what browsers keep at most

_Headers = list[tuple[bytes, bytes]]


class Cors:
    """ASGI middleware, around the one that renders errors: they have its headers as well.

    The page's own routes stay closed to other sites. Cookies and the like are asked for by nobody,
    so credentials stay off; a key in ``Authorization`` needs none.

    Args:
        app: what answers.
        origins: such as ``https://app.example.org``; or ``*`` for all.

    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._all = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a preflight without asking what is inside, and so without a key."""
        if scope["type"] != "http" or PAGE_FILES.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        origin = _header(scope, b"origin")
        added = self._added(origin)
        is_preflight = scope["method"] == "OPTIONS" and origin is not None
        if is_preflight and _header(scope, b"access-control-request-method") is not None:
            await self._preflight(scope["path"], added)(scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, send_on)

    def _added(self, origin: bytes | None) -> _Headers:
        """The headers of an answer to a page of this origin; caches learn what they depend on."""
        if self._all:
            return [] if origin is None else _leave(b"*")
        vary = [(b"vary", b"Origin")]
        return [*vary, *_leave(origin)] if origin in self._origins and origin else vary

    def _preflight(self, path: str, added: _Headers) -> Response:
        response = Response(status_code=204) if len(added) > 1 else _refusal(path)
        response.raw_headers.extend(added)
        if response.status_code == 204:  # noqa: PLR2004
            response.raw_headers += [
                (b"access-control-allow-methods", _METHODS),
                (b"access-control-allow-headers", _ALLOWED),
                (b"access-control-max-age", _MAX_AGE_S),
            ]
        return response


def _leave(origin: bytes) -> _Headers:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
    ]


def _refusal(path: str) -> Response:
    error = Forbidden("Pages of this origin may not ask; BOOTH_CORS_ORIGINS names those that may.")
    return Response(orjson.dumps(fields_of(error)), error.status, media_type=media_type_of(path))


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
