"""The HTML of the page: all of it that there is to see stands in what the server sends first.

Gradio's own frame is taken from its template: its configuration, and the address of its script,
which is fetched once the page stands. Every address is told from the page's own, under whatever
prefix; Gradio would write whole ones, of a host that it takes from headers.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from typing import TYPE_CHECKING

from gradio import route_utils, routes
from jinja2 import DictLoader
from markupsafe import Markup

from demo.assets import ASSETS, FOLDER
from demo.samples import SAMPLES
from demo.views import VIEWS, View

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["install"]

_INDEX = "frontend/index.html"
_SCRIPT = re.compile(r'<script type="module" crossorigin src="\./(assets/index-[\w-]+\.js)">')
_IMPORT = re.compile(r'^(?:import|\} from)\b[^;"]*"(\.[^"]+)";', re.MULTILINE)
_BY_PATH = {view.path: view for view in VIEWS}


def install(links: str = "") -> None:
    """Have Gradio send this page's HTML in place of its own.

    Args:
        links: where the service is, as a browser reaches it; "" where that is this very host.

    """
    env = routes.templates.env
    if not isinstance(env.loader, DictLoader):
        assert env.loader is not None  # noqa: S101 (Gradio's, of files)
        env.globals["script"] = _script(env.loader.get_source(env, _INDEX)[0])
        env.loader = DictLoader({_INDEX: (FOLDER / "shell.html").read_text(encoding="utf-8")})
        route_utils.get_root_url = _root
    env.globals |= {
        "views": VIEWS,
        "view_at": _view_at,
        "content": _content,
        "samples": SAMPLES,
        "assets": f"page/{ASSETS.digest}",
        "style": _style(),
        "style_of": _style_of,
        "preloads": _preloads,
        "service": f"{links.rstrip('/')}/" if links else "",
    }


def _script(index: str) -> str:
    found = _SCRIPT.search(index)
    if not found:
        raise RuntimeError("Gradio's page has no script; this Booth was made for another Gradio.")
    return found[1]


def _root(request: Request, route_path: str, root_path: str | None) -> str:
    del route_path, root_path
    prefix: str = request.scope.get("root_path", "")
    return prefix


def _view_at(path: str) -> View:
    return _BY_PATH[path]


def _content(view: View) -> Markup:
    return Markup(ASSETS.text(f"views/{view.name}.html"))  # noqa: S704 (a file of ours)


def _style() -> Markup:
    """Those of all views that don't look inside: the next one is there at once."""
    return _styles(["page", *(one.name for one in VIEWS if not one.looks_inside)])


def _styles(names: list[str]) -> Markup:
    return Markup("".join(ASSETS.text(f"css/{name}.css") for name in names))  # noqa: S704 (files of ours)


def _style_of(view: View) -> Markup:
    return _styles([view.name])


@cache
def _preloads(view: View) -> list[str]:
    """The modules of a view, all that they import too: fetched at once, not one after the other."""
    needed: dict[str, None] = {}
    waiting = ["js/main.js", f"js/views/{view.name}.js"]
    while waiting:
        name = waiting.pop(0)
        if name not in needed:
            needed[name] = None
            folder = posixpath.dirname(name)
            imports = _IMPORT.findall(ASSETS.text(name))
            waiting += [posixpath.normpath(posixpath.join(folder, one)) for one in imports]
    return list(needed)
