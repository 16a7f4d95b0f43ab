"""The page's own files: read once, sent compressed, and kept by browsers until they change."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["ASSETS", "FOLDER", "Assets"]

FOLDER = Path(__file__).parent

# What their address tells apart never changes; what another replica's page asks for may.
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_SENT = {".js", ".css", ".html", ".svg", ".png", ".jpg", ".json", ".tsv", ".bin"}
_TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css"}


class Assets:
    """ASGI app: the files of a folder, at ``/DIGEST/NAME``.

    A page that another replica sent, before or after an update, names another digest: it gets the
    files of this one.

    Args:
        folder: where they are.

    Attributes:
        digest: changes when any of them does.

    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _SENT
        }
        self._packed = {name: gzip.compress(file, 9) for name, file in self._files.items()}
        said = hashlib.sha256(b"".join(n.encode() + b"\0" + f for n, f in self._files.items()))
        self.digest = said.hexdigest()[:12]

    def names(self, start: str = "") -> list[str]:
        """The files whose name starts so."""
        return [name for name in self._files if name.startswith(start)]

    def text(self, name: str) -> str:
        """What is in one of them."""
        return self._files[name].decode("utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send one.

        Raises:
            HTTPException: 404 for what there is not.

        """
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        digest, _, name = path.partition("/")
        if name not in self._files:
            raise HTTPException(404)
        await self._response(scope, digest, name)(scope, receive, send)

    def _response(self, scope: Scope, digest: str, name: str) -> Response:
        asked = Headers(scope=scope)
        tag = f'"{self.digest}"'
        headers = {
            "Cache-Control": _FOR_EVER if digest == self.digest else _ASK_AGAIN,
            "ETag": tag,
            "Vary": "Accept-Encoding",
        }
        if asked.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        content = self._files[name]
        if "gzip" in asked.get("accept-encoding", "") and len(self._packed[name]) < len(content):
            content = self._packed[name]
            headers["Content-Encoding"] = "gzip"
        suffix = name[name.rindex(".") :]
        kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        return Response(content, headers=headers, media_type=kind)


ASSETS = Assets(FOLDER)
