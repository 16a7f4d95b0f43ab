"""Which route a path belongs to, as metrics name it: a template, never what a client wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from starlette.routing import BaseRoute, compile_path
from starlette.types import Scope

from service.web.scope import is_page

__all__ = ["NO_ROUTE", "PAGE", "Routes"]

PAGE = "/{page}"
NO_ROUTE = ""  # a label without a value is none, as OpenTelemetry wants it here


class Routes:
    """The templates of all routes: ``/models/{name}``.

    Args:
        routes: of the application, with those of the routers that it includes.

    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._methods: defaultdict[str, set[str]] = defaultdict(set)
        for path, methods in _flat(routes):
            self._methods[path] |= methods
        templates = [path for path in self._methods if "{" in path]
        self._patterns = [(compile_path(path)[0], path) for path in templates]
        self._plain = self._methods.keys() - templates

    def of(self, scope: Scope) -> str:
        """The template of a request's path; none where its method is not one of the route's.

        Otherwise whoever tries each method on each path would multiply the labels.
        """
        path: str = scope["path"]
        method: str = scope["method"]
        if path in self._plain and method in self._methods[path]:
            return path
        for pattern, template in self._patterns:
            if method in self._methods[template] and pattern.match(path):
                return template
        return PAGE if is_page(scope) else NO_ROUTE


def _flat(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    for route in routes:
        # FastAPI keeps an included router as one route, which has no path of its own.
        included: Sequence[BaseRoute] | None = getattr(
            getattr(route, "original_router", None), "routes", None
        )
        if included is not None:
            yield from _flat(included)
        elif path := getattr(route, "path", ""):
            methods: set[str] = set(getattr(route, "methods", None) or ())
            yield path, methods | ({"HEAD"} if "GET" in methods else set())
