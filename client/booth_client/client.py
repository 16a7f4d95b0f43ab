"""Speak to a running Booth: ``Client`` for plain code, ``AsyncClient`` for an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, TypeVar

import httpx

from booth_client import calls
from booth_client.connection import DEFAULT_URL, Connection
from booth_client.errors import BoothError, ServiceUnreachable
from booth_client.many import in_order, in_order_async
from booth_client.retry import Retry, Tries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from booth_client.wire import (
        Activations,
        Answer,
        Card,
        Features,
        Label,
        LabelMap,
        LayerFilters,
        Maps,
        ModelLayers,
        ModelSummary,
        Occlusion,
        Part,
        Source,
    )

__all__ = ["DEFAULT_URL", "AsyncClient", "Client", "Photo", "Retry"]

Photo: TypeAlias = bytes | str | os.PathLike[str]
_T = TypeVar("_T")


class Client:
    """Booth over HTTP, for plain code; close it, or use it in a ``with``.

    Every method raises the error of ``booth_client.errors`` that the service named, and
    ``ServiceUnreachable`` where no Booth answers.

    Args:
        url: where Booth runs; else ``BOOTH_URL``, else ``http://127.0.0.1:8000``. A Unix socket is
            ``unix:`` and its path.
        api_key: sent as ``Authorization: Bearer``; else ``BOOTH_API_KEY``, or what
            is in the file ``BOOTH_API_KEY_FILE``.
        timeout_s: the longest wait for one response, in seconds.
        retry: how often, and for how long, a request is sent again.
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
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._connection = Connection.of(url, api_key, timeout_s)
        self._retry = retry or Retry()
        self._http = self._connection.client(transport)

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
        photos: Iterable[Photo],
        *,
        concurrency: int = 8,
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
        explain: Sequence[Part] = (),
    ) -> Iterator[Answer | BoothError | OSError]:
        """As ``classify``, for any number of photographs, so many of them at a time.

        Each has a request of its own, is read when its turn comes, and gives its answer or its
        error, in order. An error is a value here: one photograph does not end the others.

        Args:
            photos: of each its bytes, or the path of its file.
            concurrency: how many are asked about at a time.
            model: which one answers; else the default one.
            top_k: how many labels of each.
            timeout_ms: after how long an answer is of no use.
            explain: what led to each answer.

        Raises:
            ValueError: ``concurrency`` is below 1.

        """

        def ask(photo: Photo, pause: Callable[[float], None]) -> Answer | BoothError | OSError:
            try:
                call = calls.classify(
                    _bytes(photo), model=model, top_k=top_k, timeout_ms=timeout_ms, explain=explain
                )
                return self._send(call, pause)
            except (BoothError, OSError) as error:
                return error

        return in_order(ask, photos, _at_least_one(concurrency))

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

    def activations(
        self,
        photo: Photo,
        layer: str | Sequence[str],
        *,
        units: int | Literal["all"] | Sequence[int] = 12,
        maps: Maps = "none",
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
    ) -> Activations:
        """What the units of some layers answer to a photograph, in the order of the layers.

        Args:
            photo: its bytes, or the path of its file.
            layer: one, or several, of the model's layers; "*" for all.
            units: so many of each layer, those of the largest values first; or all; or these.
            maps: the units' maps as rows of numbers, as grey pictures in ``data:`` URLs, or none.
            model: that answers; the default one if None.
            top_k: labels of the photograph.
            timeout_ms: after which the answer is of no use.

        """
        call = calls.activations(
            _bytes(photo),
            layer=layer,
            units=units,
            maps=maps,
            model=model,
            top_k=top_k,
            timeout_ms=timeout_ms,
        )
        return self._send(call)

    def occlusion(
        self,
        photo: Photo,
        layer: str,
        unit: int,
        *,
        at: tuple[int, int] | None = None,
        model: str | None = None,
        timeout_ms: int | None = None,
    ) -> Occlusion:
        """What one unit loses where a grey patch covers a part of what it sees.

        Args:
            photo: its bytes, or the path of its file.
            layer: one of the model's layers.
            unit: of the layer, counted from 0.
            at: row and column of its map; where it answers most if None.
            model: that answers; the default one if None.
            timeout_ms: after which the answer is of no use.

        """
        body = _bytes(photo)
        call = calls.occlusion(
            body, layer=layer, unit=unit, at=at, model=model, timeout_ms=timeout_ms
        )
        return self._send(call)

    def features(
        self,
        photos: Sequence[Photo],
        *,
        layer: str | None = None,
        model: str | None = None,
        timeout_ms: int | None = None,
    ) -> list[Features | BoothError]:
        """Photographs as numbers, near for those that are alike: of each these, or its error.

        Args:
            photos: the bytes of each, or the path of its file.
            layer: whose units' means are given; what the classifier takes if None.
            model: that answers; the default one if None.
            timeout_ms: after which the answers are of no use.

        """
        bodies = [_bytes(photo) for photo in photos]
        call = calls.features(bodies, layer=layer, model=model, timeout_ms=timeout_ms)
        return self._send(call) if bodies else []

    def models(self) -> list[ModelSummary]:
        """The models served now."""
        return self._send(calls.models())

    def card(self, name: str) -> Card:
        """All that is known about one model."""
        return self._send(calls.card(name))

    def labels(self, name: str) -> list[Label]:
        """The labels of one model, in the order of their index."""
        return self._send(calls.labels(name))

    def sources(self) -> list[Source]:
        """The published weights that could be served as well, and what brings them."""
        return self._send(calls.sources())

    def layers(self, name: str) -> ModelLayers:
        """The layers of one model's network, in the order in which they are computed."""
        return self._send(calls.layers(name))

    def filters(self, name: str, layer: str, units: Sequence[int] = ()) -> LayerFilters:
        """The weights of a layer's units.

        Args:
            name: of the model.
            layer: its name, as ``layers`` has it.
            units: their numbers, from 0 on; the first ones if none are given.

        """
        return self._send(calls.filters(name, layer, units))

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

    def _send(self, call: calls.Call[_T], pause: Callable[[float], None] = time.sleep) -> _T:
        tries = Tries(call, self._retry)
        while True:
            try:
                response = self._http.send(tries.next().request(self._http), stream=True)
            except httpx.RequestError as error:
                pause_s = tries.pause_after_error(error)
                if pause_s is None:
                    raise self._connection.unreachable(error) from error
            else:
                self._read(response)
                pause_s = tries.pause_after(response)
                if pause_s is None:
                    return call.result(response)
            pause(pause_s)

    def _read(self, response: httpx.Response) -> None:
        with contextlib.closing(response):
            try:
                response.read()
            except httpx.RequestError as error:
                raise self._connection.unreachable(error) from error


class AsyncClient:
    """Booth over HTTP, for an event loop; the same arguments, methods and errors as ``Client``."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = 60,
        retry: Retry | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection.of(url, api_key, timeout_s)
        self._retry = retry or Retry()
        self._http = self._connection.async_client(transport)

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

    def classify_many(
        self,
        photos: Iterable[Photo],
        *,
        concurrency: int = 8,
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
        explain: Sequence[Part] = (),
    ) -> AsyncIterator[Answer | BoothError | OSError]:
        """As ``Client.classify_many``, for ``async for``."""

        async def ask(photo: Photo) -> Answer | BoothError | OSError:
            try:
                return await self.classify(
                    photo, model=model, top_k=top_k, timeout_ms=timeout_ms, explain=explain
                )
            except (BoothError, OSError) as error:
                return error

        return in_order_async(ask, photos, _at_least_one(concurrency))

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

    async def activations(
        self,
        photo: Photo,
        layer: str | Sequence[str],
        *,
        units: int | Literal["all"] | Sequence[int] = 12,
        maps: Maps = "none",
        model: str | None = None,
        top_k: int = 5,
        timeout_ms: int | None = None,
    ) -> Activations:
        """As ``Client.activations``."""
        call = calls.activations(
            await asyncio.to_thread(_bytes, photo),
            layer=layer,
            units=units,
            maps=maps,
            model=model,
            top_k=top_k,
            timeout_ms=timeout_ms,
        )
        return await self._send(call)

    async def occlusion(
        self,
        photo: Photo,
        layer: str,
        unit: int,
        *,
        at: tuple[int, int] | None = None,
        model: str | None = None,
        timeout_ms: int | None = None,
    ) -> Occlusion:
        """As ``Client.occlusion``."""
        body = await asyncio.to_thread(_bytes, photo)
        call = calls.occlusion(
            body, layer=layer, unit=unit, at=at, model=model, timeout_ms=timeout_ms
        )
        return await self._send(call)

    async def features(
        self,
        photos: Sequence[Photo],
        *,
        layer: str | None = None,
        model: str | None = None,
        timeout_ms: int | None = None,
    ) -> list[Features | BoothError]:
        """As ``Client.features``."""
        bodies = [await asyncio.to_thread(_bytes, photo) for photo in photos]
        call = calls.features(bodies, layer=layer, model=model, timeout_ms=timeout_ms)
        return await self._send(call) if bodies else []

    async def models(self) -> list[ModelSummary]:
        """The models served now."""
        return await self._send(calls.models())

    async def card(self, name: str) -> Card:
        """All that is known about one model."""
        return await self._send(calls.card(name))

    async def labels(self, name: str) -> list[Label]:
        """The labels of one model, in the order of their index."""
        return await self._send(calls.labels(name))

    async def sources(self) -> list[Source]:
        """As ``Client.sources``."""
        return await self._send(calls.sources())

    async def layers(self, name: str) -> ModelLayers:
        """As ``Client.layers``."""
        return await self._send(calls.layers(name))

    async def filters(self, name: str, layer: str, units: Sequence[int] = ()) -> LayerFilters:
        """As ``Client.filters``."""
        return await self._send(calls.filters(name, layer, units))

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
        tries = Tries(call, self._retry)
        while True:
            try:
                response = await self._http.send(tries.next().request(self._http), stream=True)
            except httpx.RequestError as error:
                pause_s = tries.pause_after_error(error)
                if pause_s is None:
                    raise self._connection.unreachable(error) from error
            else:
                await self._read(response)
                pause_s = tries.pause_after(response)
                if pause_s is None:
                    return call.result(response)
            await asyncio.sleep(pause_s)

    async def _read(self, response: httpx.Response) -> None:
        async with contextlib.aclosing(response):
            try:
                await response.aread()
            except httpx.RequestError as error:
                raise self._connection.unreachable(error) from error


def _bytes(photo: Photo) -> bytes:
    return photo if isinstance(photo, bytes) else Path(photo).read_bytes()


def _at_least_one(concurrency: int) -> int:
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, and not {concurrency}")
    return concurrency
