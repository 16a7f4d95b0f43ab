"""Errors of the page as RFC 9457 ``application/problem+json``, the shape that the API's have.

A browser that was led to a wrong address gets them as a page to read.
"""

from __future__ import annotations

import http
import json
import re
from typing import TYPE_CHECKING

from jinja2 import Template
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from booth_client import BoothError
from demo.assets import ASSETS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MEDIA_TYPE", "Problems", "on_unforeseen", "problem"]

MEDIA_TYPE = "application/problem+json"

CLIENT_CLOSED_REQUEST = 499  # nginx's: nobody reads it, but the access log shows it

_SAYS = {
    403: "This is no file of the page",
    404: "There is nothing at this address",
    405: "This is not possible here",
    500: "Something failed on our side",
}
_PAGE = Template(ASSETS.text("problem.html"), autoescape=True)
_WEIGHT = re.compile(r"\bq=([01](\.\d{1,3})?)")


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
            await _of_status(failed, Request(scope))(scope, receive, send)


def problem(error: BoothError) -> Response:
    """The response for an error of Booth's."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status == http.HTTPStatus.REQUEST_TIMEOUT:
        headers["Connection"] = "close"
    return _response(error.status, error.kind, error.title, error.detail, headers)


async def on_unforeseen(request: Request, _cause: Exception) -> Response:
    """The response for what nobody foresaw; it is raised again, and the server tells of it."""
    return _of_status(http.HTTPStatus.INTERNAL_SERVER_ERROR, request)


def _is_strange(start: Message) -> bool:
    """Whether a response is an error of another shape."""
    headers = dict(start.get("headers", ()))
    is_error: bool = start["status"] >= http.HTTPStatus.BAD_REQUEST
    return is_error and headers.get(b"content-type") != MEDIA_TYPE.encode()


def _of_status(status: int, request: Request) -> Response:
    phrase = http.HTTPStatus(status).phrase
    says = _SAYS.get(status, phrase)
    headers = {"Vary": "Accept"}
    if _prefers_html(request.headers.get("accept", "")):
        root = request.scope.get("root_path", "")
        shown = _PAGE.render(says=says, root=root, assets=f"page/{ASSETS.digest}")
        return HTMLResponse(shown, status, headers)
    kind = phrase.lower().replace(" ", "-")
    return _response(status, kind, phrase, _detail(status, says), headers)


def _detail(status: int, says: str) -> str:
    if status not in _SAYS:
        return f"{says}."
    way_on = "try again" if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR else "the page is at /"
    return f"{says}; {way_on}."


def _prefers_html(accept: str) -> bool:
    """Whether HTML is named, and before JSON; what takes anything (``*/*``) gets JSON."""
    weights = {}
    for one in accept.lower().split(","):
        kind, _, parameters = one.partition(";")
        given = _WEIGHT.search(parameters)
        weights[kind.strip()] = float(given[1]) if given else 1.0
    anything = weights.get("*/*", 0)
    json_kinds = ("application/json", MEDIA_TYPE)
    return weights.get("text/html", 0) > max(weights.get(one, anything) for one in json_kinds)


def _response(status: int, kind: str, title: str, detail: str, headers: dict[str, str]) -> Response:
    body = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "error": detail,
    }
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)
