"""Where the page is: every address in it is told from the page's own, under whatever prefix.

Gradio writes whole addresses instead, of a host that it takes from headers; behind a proxy that
leaves these out, the browser would look for the page's parts where nobody is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradio import route_utils, routes
from jinja2 import DictLoader

if TYPE_CHECKING:
    from starlette.requests import Request

__all__: list[str] = []

_INDEX = "frontend/index.html"
_BASE = "<base href=\"{{ base_url | default('./') }}\" />"
# The page may be asked for without the slash behind its prefix. Gradio's manifest would stand at
# the host's own root, and is not served; the icon is looked for there unless it is named.
_BASE_HERE = "<base href=\"{{ request.scope.get('root_path', '') }}/\" />"
_MANIFEST = '<link rel="manifest" href="/manifest.json" />'
_ICON = '<link rel="icon" href="favicon.ico" />'


def _root(request: Request, route_path: str, root_path: str | None) -> str:
    del route_path, root_path
    prefix: str = request.scope.get("root_path", "")
    return prefix


def _index() -> str:
    env = routes.templates.env
    assert env.loader is not None  # noqa: S101 (Gradio's, of files)
    source = env.loader.get_source(env, _INDEX)[0]
    return source.replace(_BASE, _BASE_HERE).replace(_MANIFEST, _ICON)


route_utils.get_root_url = _root
routes.templates.env.loader = DictLoader({_INDEX: _index()})
