"""Between a parsed request and its answers: what all fronts share.

A front asks for the model and the photographs, then for the answers; it parses and renders, no
more. What happens on the way is told to the request's record.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from starlette.requests import ClientDisconnect, Request

from booth_client.errors import BoothError, DeadlineExceeded
from booth_client.wire import Answer
from service.api.openapi import MOST_TIMEOUT_MS
from service.engine.batcher import TOO_LATE
from service.engine.classifier import Classifier
from service.engine.ticket import Ticket
from service.fleet.fleet import LoadedModel
from service.memory import Reservation
from service.telemetry.record import RequestRecord, Stage
from service.web.body import photographs, read_body
from service.web.response_cache import ResponseCache, Result
from service.web.scope import client_of, count_more, disconnect_of, record_of
from service.web.state import ServiceState

__all__ = ["Answering", "Droppable", "Photographs", "Results", "dropping_if_gone"]

# What by its type may hold parameters. Its bytes decide in the end, but all else is a photograph
# as a rule, and to read many in vain would take the cores from those that are accepted.
_MAY_SAY_MORE = re.compile(r"\s*(multipart/|[^;]*json)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Photographs:
    """Those of a request, in its order; ``is_list`` says whether it wants a list of results.

    ``fields`` are the parameters that stood beside them in the body.

    A context manager, which lets go of them when they are answered, and gives back the memory of
    the ``reservation``.
    """

    photos: list[bytes]
    is_list: bool
    fields: dict[str, str]
    reservation: Reservation

    def __enter__(self) -> Self:
        """It is given back at the end."""
        return self

    def __exit__(self, *failure: object) -> None:
        """Let go of them, whatever happened: the traceback of an error may hold this object."""
        self.photos.clear()
        self.reservation.release()


@dataclass(frozen=True, slots=True)
class Results:
    """An answer or an error for each photograph, in the request's order.

    ``etag`` is that of the answer to a single photograph, where there is a response cache; if the
    client has that answer, ``not_modified`` is true and there are no ``results``.
    """

    results: Sequence[Result]
    etag: str | None = None
    not_modified: bool = False


class Droppable(Protocol):
    """What was accepted, and need not be answered any more."""

    def cancel(self) -> None:
        """Nobody wants the answer."""


class Answering:
    """Answers photographs for the fronts of one service."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._cache = ResponseCache(state.settings.cache_bytes, state.metrics)
        self._longest_s = max(MOST_TIMEOUT_MS, state.settings.deadline_ms) / 1000

    def model(
        self, request: Request, name: str | None = None, version: str | None = None
    ) -> LoadedModel:
        """The model that a request asks for; the default one if it names none.

        Raises:
            Starting, UnknownModel, UnknownVersion: it isn't loaded.

        """
        model = self._state.model(name, version)
        record = record_of(request.scope)
        record.model, record.version = model.card.name, model.card.version
        return model

    def refuse_early(
        self,
        request: Request,
        name: str | None,
        version: str | None,
        timeout_s: float | None,
    ) -> None:
        """Refuse a request before its body is read, where nothing in that could have it accepted.

        A form and JSON may name another model, or a longer time, and so wait for their end.

        Raises:
            Starting, UnknownModel, UnknownVersion: the model isn't loaded.
            Overloaded: as ``answers`` would, whatever the photograph is.

        """
        model = self.model(request, name, version if name else None)
        if not _MAY_SAY_MORE.match(request.headers.get("content-type", "")):
            self._refuse_if_full(request, [model], timeout_s)
            return
        possible = [
            one
            for one in self._state.fleet.loaded()
            if name in (None, one.card.name) and version in (None, one.card.version)
        ]
        self._refuse_if_full(request, possible, timeout_s or self._longest_s)

    def _refuse_if_full(
        self, request: Request, models: Sequence[LoadedModel], timeout_s: float | None
    ) -> None:
        """Refuse a request where none of the models would accept a photograph.

        With a response cache none is refused here: an answer that is known needs no room.
        """
        if self._cache.answers.max_bytes:
            return
        refusal: BoothError | None = None
        for model in models:
            try:
                model.classifier.refuse_if_full(timeout_s, client_of(request.scope))
            except BoothError as error:
                refusal = error
            else:
                return
        if refusal:
            # Of one photograph at least; how many there are isn't read.
            record_of(request.scope).failed = {0: refusal.outcome}
            raise refusal

    async def photographs(self, request: Request, known: Collection[str]) -> Photographs:
        """Read a request's body: a photograph, a form of them, or JSON.

        Args:
            request: whose body it is.
            known: the parameters that may stand beside the photographs.

        Raises:
            Overloaded: there is no memory free for it.
            TooLarge, SlowBody, BadImage, InvalidParameter, TooManyPhotos, UnsupportedFormat: see
                ``web.body``.
            RateLimited: its client sent too many photographs.
            ClientDisconnect: the client went away.

        """
        reservation = self._state.memory.reserve(0, client_of(request.scope))
        try:
            return await self._read(request, reservation, known)
        except BaseException:
            reservation.release()
            raise

    async def _read(
        self, request: Request, reservation: Reservation, known: Collection[str]
    ) -> Photographs:
        settings, record = self._state.settings, record_of(request.scope)
        start = time.perf_counter()
        body = await read_body(
            request, reservation, settings.max_body_bytes, settings.body_timeout_ms / 1000
        )
        sent = await photographs(request, body, settings.max_photos, reservation, known)
        record.read_stage = Stage("read", start, time.perf_counter() - start)
        record.body_bytes, record.photographs = len(body), len(sent.photos)
        count_more(request.scope, len(sent.photos) - 1)
        return Photographs(sent.photos, sent.is_list, sent.fields, reservation)

    async def answers(
        self,
        request: Request,
        model: LoadedModel,
        asked: Photographs,
        *,
        top_k: int,
        timeout_s: float | None,
        explain: frozenset[str] = frozenset(),
    ) -> Results:
        """What the model says of each photograph, or what went wrong with it.

        Args:
            request: whose client may go away, or have an answer already.
            model: that answers.
            asked: the photographs.
            top_k: how many labels each gets.
            timeout_s: seconds after which the answers are of no use; None for the usual time.
            explain: what is to be explained, some of ``service.engine.explanation.PARTS``.

        Raises:
            InvalidParameter: the model can't explain that.
            Overloaded: there is no room for all of them, or they would be answered too late.
            ClientDisconnect: the client went away.

        """
        lookup = await self._cache.look_up(
            request, model, asked.photos, top_k, explain, is_list=asked.is_list
        )
        if lookup.not_modified:
            return Results((), lookup.etag, not_modified=True)
        question = _Question(top_k, timeout_s, explain)
        new = await _ask(request, model, lookup.missing, question)
        results = lookup.completed(new)
        _tell(record_of(request.scope), results)
        return Results(results, lookup.etag)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of each photograph; see ``Answering.answers``."""

    top_k: int
    timeout_s: float | None
    explain: frozenset[str]


async def _ask(
    request: Request, model: LoadedModel, photos: Sequence[bytes], question: _Question
) -> list[Answer | BoothError]:
    """What the network says of each photograph whose answer isn't known, in order."""
    if not photos:
        return []
    record, classifier = record_of(request.scope), model.classifier
    try:
        if question.explain:
            await _explainer_loaded(classifier, question.timeout_s)
        tickets = record.tickets = classifier.submit(
            photos,
            top_k=question.top_k,
            timeout_s=question.timeout_s,
            tag=record.trace,
            client=client_of(request.scope),
            explain=question.explain,
        )
    except BoothError as error:
        record.failed = dict.fromkeys(range(len(photos)), error.outcome)
        raise
    with dropping_if_gone(request, tickets):
        return [await _outcome(ticket) for ticket in tickets]


async def _explainer_loaded(classifier: Classifier, timeout_s: float | None) -> None:
    """Wait until what explains is loaded, which the first request that asks for it begins."""
    loading = classifier.session.explainer()
    if loading.done():
        return
    loaded = asyncio.shield(asyncio.wrap_future(loading))
    try:
        await asyncio.wait_for(loaded, timeout_s or classifier.limits.deadline_s)
    except TimeoutError:
        raise DeadlineExceeded(TOO_LATE) from None


async def _outcome(ticket: Ticket) -> Answer | BoothError:
    try:
        return await ticket.answer()
    except BoothError as error:
        return error


def _tell(record: RequestRecord, results: Sequence[Result]) -> None:
    record.answers = [one for one in results if isinstance(one, Answer)]
    record.failed = {
        index: one.outcome for index, one in enumerate(results) if isinstance(one, BoothError)
    }


@contextlib.contextmanager
def dropping_if_gone(request: Request, tickets: Sequence[Droppable]) -> Iterator[None]:
    """While inside, drop the photographs as soon as their client goes away.

    Raises:
        ClientDisconnect: it went.

    """

    def drop() -> None:
        for ticket in tickets:
            ticket.cancel()

    disconnect = disconnect_of(request.scope)
    disconnect.add(drop)
    try:
        yield
    except asyncio.CancelledError:
        if not disconnect.happened:
            raise
    finally:
        disconnect.discard(drop)
        drop()
    if disconnect.happened:
        raise ClientDisconnect
