"""Where a Booth is, and how httpx reaches it: over TCP, or a Unix socket."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from booth_client.errors import ServiceUnreachable

__all__ = ["DEFAULT_URL", "Connection"]

DEFAULT_URL = "http://127.0.0.1:8000"

# uvicorn closes idle connections after 5 s: ours go first, or a request meets the closing.
_LIMITS = httpx.Limits(keepalive_expiry=2)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a service is, and with which key and patience it is asked.

    Attributes:
        where: Its address, for people.
        address: Its address, for httpx.
        socket: The path of its Unix socket; "" where it has none.
        api_key: Its key; "" where it has none.
        timeout_s: The longest wait for one response, in seconds.

    """

    where: str
    address: httpx.URL
    socket: str
    api_key: str
    timeout_s: float

    @classmethod
    def of(cls, url: str | None, api_key: str | None, timeout_s: float) -> Connection:
        """What is given, or what the environment says, or the defaults.

        Raises:
            ValueError: the address is none, or the file of the key can't be read.

        """
        text = url or os.environ.get("BOOTH_URL") or DEFAULT_URL
        key = api_key or os.environ.get("BOOTH_API_KEY") or _key_of_file()
        try:
            address = httpx.URL(text)
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.scheme == "unix" and address.path.strip("/") and not address.host:
            return cls(text, httpx.URL("http://localhost"), address.path, key, timeout_s)
        if address.scheme not in {"http", "https"} or not address.host:
            raise ValueError(f"{text!r} is no address of a service: write it as {DEFAULT_URL}")
        return cls(text.rstrip("/"), address, "", key, timeout_s)

    def client(self, transport: httpx.BaseTransport | None = None) -> httpx.Client:
        """What asks in plain code."""
        if self.socket and transport is None:
            transport = httpx.HTTPTransport(uds=self.socket, limits=_LIMITS)
        return httpx.Client(transport=transport, **self._options())

    def async_client(self, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
        """What asks on an event loop."""
        if self.socket and transport is None:
            transport = httpx.AsyncHTTPTransport(uds=self.socket, limits=_LIMITS)
        return httpx.AsyncClient(transport=transport, **self._options())

    def unreachable(self, error: httpx.RequestError) -> ServiceUnreachable:
        """What is raised where no answer came."""
        if isinstance(error, httpx.ReadTimeout):
            return ServiceUnreachable(
                f"Booth at {self.where} did not answer within {self.timeout_s:g} s; "
                "see whether it is overloaded, or wait longer"
            )
        return ServiceUnreachable(
            f"no Booth answers at {self.where}; start it with `booth serve`, or say where it runs"
        )

    def _options(self) -> dict[str, Any]:
        return {
            "base_url": self.address,
            "headers": {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
            "timeout": httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, 5)),
            # A proxy named in the environment can't reach this machine's own loopback.
            "trust_env": self.address.host not in {"127.0.0.1", "::1", "localhost"},
            "limits": _LIMITS,
        }


def _key_of_file() -> str:
    """The key in the file that the environment names, as containers are given secrets."""
    file = os.environ.get("BOOTH_API_KEY_FILE")
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError(
            f"BOOTH_API_KEY_FILE={file!r} can't be read; it must hold the service's key"
        ) from None
