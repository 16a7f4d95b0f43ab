"""Errors of the page as RFC 9457 ``application/problem+json``, the shape that the API's have."""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from booth_client import BoothError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MEDIA_TYPE", "Problems", "on_unforeseen", "problem"]

MEDIA_TYPE = "application/problem+json"

CLIENT_CLOSED_REQUEST = 499  # nginx's: nobody reads it, but the access log shows it

_DETAILS = {
    403: "This is no file of the page; the page is at /.",
    404: "There is nothing at this address; the page is at /.",
    405: "This is not possible here; the page is at /.",
    500: "Something failed on our side; try again.",
}


class Problems:
    """ASGI middleware: whatever fails inside is answered in the one shape of errors.

    Args:
        app: the page.

    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        failed = 0

        async def send_on(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start" and _is_strange(message):
                failed = message["status"]
            if not failed:
                await send(message)

        try:
            await self._app(scope, receive, send_on)
        except BoothError as error:
            await problem(error)(scope, receive, send)
        except HTTPException as error:
            failed = error.status_code
        except ClientDisconnect:
            await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, receive, send)
        if failed:
            await _of_status(failed)(scope, receive, send)


def problem(error: BoothError) -> Response:
    """The response for an error of Booth's."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status == http.HTTPStatus.REQUEST_TIMEOUT:
        headers["Connection"] = "close"
    return _response(error.status, error.kind, error.title, error.detail, headers)


async def on_unforeseen(_request: Request, _cause: Exception) -> Response:
    """The response for what nobody foresaw; it is raised again, and the server tells of it."""
    return _of_status(http.HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_strange(start: Message) -> bool:
    """Whether a response is an error of another shape."""
    headers = dict(start.get("headers", ()))
    is_error: bool = start["status"] >= http.HTTPStatus.BAD_REQUEST
    return is_error and headers.get(b"content-type") != MEDIA_TYPE.encode()


def _of_status(status: int) -> Response:
    phrase = http.HTTPStatus(status).phrase
    kind = phrase.lower().replace(" ", "-")
    return _response(status, kind, phrase, _DETAILS.get(status, f"{phrase}."), {})


def _response(status: int, kind: str, title: str, detail: str, headers: dict[str, str]) -> Response:
    body = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "error": detail,
    }
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)
