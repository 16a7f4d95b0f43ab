"""Behind proxies: whose client it is, and the prefix under which the public finds the service."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.settings import UNIX, Settings, root_path_of
from service.web.scope import set_prefix

__all__ = ["PathPrefix", "behind_proxies", "networks_of"]

_HEADER = b"x-forwarded-prefix"
_MOST = 256  # characters of all prefixes together


def behind_proxies(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application as it is reached through the settings' proxies, and under their prefix."""
    proxies = networks_of(settings.trusted_proxies)
    if proxies:
        app = ProxyHeadersMiddleware(app, proxies)  # type: ignore[arg-type, assignment]
    if proxies or settings.root_path:
        app = PathPrefix(app, settings.root_path, proxies)
    return app


def networks_of(proxies: tuple[str, ...]) -> list[str]:
    """Networks, and those of IPv4 also as a socket of both kinds tells them: ::ffff:10.0.0.1.

    Who connects to the Unix socket is ``UNIX``.
    """
    networks = [ip_network(one) for one in proxies if one != UNIX]
    mapped = [
        f"::ffff:{one.network_address}/{96 + one.prefixlen}"
        for one in networks
        if isinstance(one, IPv4Network)
    ]
    return [*map(str, networks), *mapped, *(one for one in proxies if one == UNIX)]


class PathPrefix:
    """ASGI middleware: takes the prefix off a path, where the proxy has not done so, and tells it.

    A trusted proxy's ``X-Forwarded-Prefix`` counts before the setting. Several proxies name theirs
    one behind the other, the outermost first. What is no path is passed over.

    Args:
        app: what answers, and knows its paths without any prefix.
        root_path: the prefix where no proxy names one; "" for none.
        proxies: addresses and networks whose word is taken.

    """

    def __init__(self, app: ASGIApp, root_path: str, proxies: list[str]) -> None:
        self._app = app
        self._root_path = root_path
        self._proxies = [ip_network(one) for one in proxies if one != UNIX]
        self._trusts_unix = UNIX in proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            prefix = self._named(scope) or self._root_path
            if prefix:
                set_prefix(scope, prefix)
                path: str = scope["path"]
                if path == prefix or path.startswith(f"{prefix}/"):
                    scope["path"] = path[len(prefix) :] or "/"
        await self._app(scope, receive, send)

    def _named(self, scope: Scope) -> str:
        """The prefix that a trusted proxy names; "" where it names none."""
        named = [value for name, value in scope["headers"] if name == _HEADER]
        if not named or not self._is_proxy((scope.get("client") or ("",))[0]):
            return ""
        text = b",".join(named).decode("latin-1")
        try:
            whole = "".join(root_path_of(one.strip()) for one in text[:_MOST].split(","))
            return root_path_of(whole) if len(text) <= _MOST else ""
        except ValueError:
            return ""

    def _is_proxy(self, host: str) -> bool:
        if host == UNIX:
            return self._trusts_unix
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)
