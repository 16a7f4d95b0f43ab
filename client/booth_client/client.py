"""Speak to a running Booth: ``Client`` for plain code, ``AsyncClient`` for an event loop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import httpx

from booth_client import calls
from booth_client.errors import ServiceUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booth_client.errors import BoothError
    from booth_client.wire import Answer, Card, Label, LabelMap, ModelSummary, Part

__all__ = ["DEFAULT_URL", "AsyncClient", "Client", "Photo"]

DEFAULT_URL = "http://127.0.0.1:8000"

Photo: TypeAlias = bytes | str | os.PathLike[str]
_T = TypeVar("_T")


class Client:
    """Booth over HTTP, for plain code; close it, or use it in a ``with``.

    Every method raises the error of ``booth_client.errors`` that the service named, and
    ``ServiceUnreachable`` where no Booth answers.

    Args:
        url: where Booth runs; else ``BOOTH_URL``, else ``http://127.0.0.1:8000``.
        api_key: sent as ``Authorization: Bearer``; else ``BOOTH_API_KEY``.
        timeout_s: the longest wait for one response, in seconds.
        transport: what carries the requests, in place of the network.

    Raises:
        ValueError: ``url`` is no http or https address.

    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(transport=transport, **http_options(url, api_key, timeout_s))

    def classify(
        self,
        photo: Photo,
        *,
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
        explain: Sequence[Part] = (),
    ) -> Answer:
        """The ``top_k`` first labels of one photograph: its bytes, or the path of its file.

        Args:
            photo: the photograph.
            model: which one answers; else the default one.
            top_k: how many labels.
            timeout_ms: after how long the answer is of no use.
            explain: what led to the answer: "region" gives each label's ``region``, "cells" and
                "attributes" those of the answer.

        """
        body = _bytes(photo)
        return self._send(
            calls.classify(body, model=model, top_k=top_k, timeout_ms=timeout_ms, explain=explain)
        )

    def classify_many(
        self,
        photos: Sequence[Photo],
        *,
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
        explain: Sequence[Part] = (),
    ) -> list[Answer | BoothError]:
        """As ``classify``, in one request: an answer or its own error for each, in order."""
        bodies = [_bytes(photo) for photo in photos]
        call = calls.classify_many(
            bodies, model=model, top_k=top_k, timeout_ms=timeout_ms, explain=explain
        )
        return self._send(call) if bodies else []

    def label_map(
        self,
        photo: Photo,
        *,
        model: str | None = None,
        top_k: int = 5,
        step: int | None = None,
        scale: int = 1,
        timeout_ms: int | None = None,
    ) -> LabelMap:
        """The network run over a whole photograph: each of its cells with ``top_k`` labels.

        Args:
            photo: its bytes, or the path of its file.
            model: that answers; the default one if None.
            top_k: labels of each cell.
            step: pixels of the network's input between two cells: its stride (32) if None, or a
                half, a quarter, an eighth of it.
            scale: 1 to 4: the network sees the photograph's shorter side as so many times its
                input's.
            timeout_ms: after which the answer is of no use.

        """
        return self._send(
            calls.label_map(
                _bytes(photo),
                model=model,
                top_k=top_k,
                step=step,
                scale=scale,
                timeout_ms=timeout_ms,
            )
        )

    def models(self) -> list[ModelSummary]:
        """The models served now."""
        return self._send(calls.models())

    def card(self, name: str) -> Card:
        """All that is known about one model."""
        return self._send(calls.card(name))

    def labels(self, name: str) -> list[Label]:
        """The labels of one model, in the order of their index."""
        return self._send(calls.labels(name))

    def ready(self) -> bool:
        """Whether the service is there and would answer now."""
        try:
            return self._send(calls.READY)
        except ServiceUnreachable:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self.close()

    def _send(self, call: calls.Call[_T]) -> _T:
        try:
            response = self._http.send(call.request(self._http))
        except httpx.RequestError as error:
            raise _unreachable(self._http, error) from error
        return call.result(response)


class AsyncClient:
    """Booth over HTTP, for an event loop; the same arguments, methods and errors as ``Client``."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = 60,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **http_options(url, api_key, timeout_s))

    async def classify(
        self,
        photo: Photo,
        *,
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
        explain: Sequence[Part] = (),
    ) -> Answer:
        """As ``Client.classify``."""
        body = await asyncio.to_thread(_bytes, photo)
        return await self._send(
            calls.classify(body, model=model, top_k=top_k, timeout_ms=timeout_ms, explain=explain)
        )

    async def classify_many(
        self,
        photos: Sequence[Photo],
        *,
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
        explain: Sequence[Part] = (),
    ) -> list[Answer | BoothError]:
        """As ``classify``, in one request: an answer or its own error for each, in order."""
        bodies = [await asyncio.to_thread(_bytes, photo) for photo in photos]
        call = calls.classify_many(
            bodies, model=model, top_k=top_k, timeout_ms=timeout_ms, explain=explain
        )
        return await self._send(call) if bodies else []

    async def label_map(
        self,
        photo: Photo,
        *,
        model: str | None = None,
        top_k: int = 5,
        step: int | None = None,
        scale: int = 1,
        timeout_ms: int | None = None,
    ) -> LabelMap:
        """As ``Client.label_map``."""
        body = await asyncio.to_thread(_bytes, photo)
        return await self._send(
            calls.label_map(
                body,
                model=model,
                top_k=top_k,
                step=step,
                scale=scale,
                timeout_ms=timeout_ms,
            )
        )

    async def models(self) -> list[ModelSummary]:
        """The models served now."""
        return await self._send(calls.models())

    async def card(self, name: str) -> Card:
        """All that is known about one model."""
        return await self._send(calls.card(name))

    async def labels(self, name: str) -> list[Label]:
        """The labels of one model, in the order of their index."""
        return await self._send(calls.labels(name))

    async def ready(self) -> bool:
        """Whether the service is there and would answer now."""
        try:
            return await self._send(calls.READY)
        except ServiceUnreachable:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Give the client itself."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the connections."""
        await self.close()

    async def _send(self, call: calls.Call[_T]) -> _T:
        try:
            response = await self._http.send(call.request(self._http))
        except httpx.RequestError as error:
            raise _unreachable(self._http, error) from error
        return call.result(response)


def http_options(url: str | None, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    """What httpx's clients are made with to reach a service.

    Raises:
        ValueError: the address is none.

    """
    address = _address(url or os.environ.get("BOOTH_URL") or DEFAULT_URL)
    key = api_key or os.environ.get("BOOTH_API_KEY")
    return {
        "base_url": address,
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": httpx.Timeout(timeout_s, connect=min(timeout_s, 5)),
        # A proxy named in the environment can't reach this machine's own loopback.
        "trust_env": address.host not in {"127.0.0.1", "::1", "localhost"},
        # uvicorn closes idle connections after 5 s: ours go first, or a request meets the closing.
        "limits": httpx.Limits(keepalive_expiry=2),
    }


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError(f"{url!r} is no address of a service: write it as {DEFAULT_URL}")
    return address


def _bytes(photo: Photo) -> bytes:
    return photo if isinstance(photo, bytes) else Path(photo).read_bytes()


def _unreachable(
    http: httpx.Client | httpx.AsyncClient, error: httpx.RequestError
) -> ServiceUnreachable:
    where = str(http.base_url).rstrip("/")
    if isinstance(error, httpx.ReadTimeout):
        return ServiceUnreachable(
            f"Booth at {where} did not answer within {http.timeout.read:g} s; "
            "see whether it is overloaded, or wait longer"
        )
    return ServiceUnreachable(
        f"no Booth answers at {where}; start it with `booth serve`, or say where it runs"
    )
