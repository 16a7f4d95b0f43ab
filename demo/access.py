"""Which of Gradio's routes are open: those that the page needs.

Gradio has many more: for a visitor it fetches a file from any public address, hands out what others
have uploaded, keeps queues and links. None of it is needed to see five labels.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gradio import processing_utils
from gradio.utils import get_upload_folder
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["RouteFilter"]

OPEN = re.compile(
    r"(GET|HEAD) /((config|theme\.css|favicon\.ico)?|(assets|static|page/samples)/.*)"
    r"|POST /gradio_api/(upload|run/predict)"
)
UPLOAD = "/gradio_api/upload"

# Of the disk, what uploads may not take: it is not the page's alone. They are kept for minutes.
SPARE_BYTES = 1_000_000_000


class RouteFilter:
    """ASGI middleware: 404 for what is not open, 507 for an upload where the disk is all but full.

    Args:
        app: the page.
        spare_bytes: of the disk, what uploads may not take.

    """

    def __init__(self, app: ASGIApp, spare_bytes: int = SPARE_BYTES) -> None:
        self._app = app
        self._spare_bytes = spare_bytes
        self._folder = Path(get_upload_folder())
        self._folder.mkdir(parents=True, exist_ok=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or not."""
        closed = self._closed(scope) if scope["type"] == "http" else None
        await (closed or self._app)(scope, receive, send)

    def _closed(self, scope: Scope) -> ASGIApp | None:
        if not OPEN.fullmatch(f"{scope['method']} {scope['path']}"):
            return PlainTextResponse("Not found.", 404)
        full = shutil.disk_usage(self._folder).free < self._spare_bytes
        if full and scope["path"] == UPLOAD:
            return PlainTextResponse("There is no room for photos now; try again later.", 507)
        return None


async def _refuse_to_fetch(url: str, cache_dir: str) -> NoReturn:
    """Instead of fetching what a request names by its address where a file is meant."""
    del cache_dir
    raise ValueError(f"The page fetches nothing from other hosts, so not {url[:200]!r}.")


processing_utils.async_ssrf_protected_download = _refuse_to_fetch
