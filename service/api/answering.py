"""Between a parsed request and its answers: what all fronts share.

A front asks for the model and the photographs, then for the answers; it parses and renders, no
more. What happens on the way is told to the request's record.

All but the reading of a body asks for no more than a connection: a call of gRPC is one, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from booth_client.errors import BoothError, DeadlineExceeded
from booth_client.wire import Answer
from service.api.openapi.parameters import MOST_TIMEOUT_MS
from service.engine.batcher import TOO_LATE
from service.engine.classifier import Classifier
from service.engine.explanation import FEATURES
from service.engine.inference import Inference
from service.engine.ticket import Ticket
from service.fleet.fleet import LoadedModel
from service.fleet.model_limits import LimitsByModel
from service.fleet.rollout import Plan, point
from service.fleet.shadows import Answered
from service.memory import Reservation
from service.telemetry.record import RequestRecord, Stage
from service.web.body import photographs, read_body
from service.web.instances import IMAGES, Names
from service.web.response_cache import ResponseCache, Result
from service.web.scope import client_of, count_more, disconnect_of, record_of
from service.web.state import ServiceState

__all__ = ["Answering", "Droppable", "Photographs", "Results", "dropping_if_gone"]

# What by its type may hold parameters. Its bytes decide in the end, but all else is a photograph
# as a rule, and to read many in vain would take the cores from those that are accepted.
_MAY_SAY_MORE = re.compile(r"\s*(multipart/|application/grpc|[^;]*json)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Photographs:
    """Those of a request, in its order; ``is_list`` says whether it wants a list of results.

    ``fields`` are the parameters that stood beside them in the body; ``name`` is what JSON called
    them, "" elsewhere.

    A context manager, which lets go of them when they are answered, and gives back the memory of
    the ``reservation``.
    """

    photos: list[bytes]
    is_list: bool
    fields: dict[str, str]
    reservation: Reservation
    name: str = ""

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


class HasPhotos(Protocol):
    """What a body was taken apart into."""

    @property
    def photos(self) -> list[bytes]:
        """The photographs."""


_Parsed = TypeVar("_Parsed", bound=HasPhotos)
_Parsed_co = TypeVar("_Parsed_co", bound=HasPhotos, covariant=True)


class Parse(Protocol[_Parsed_co]):
    """Takes a body apart."""

    def __call__(self, *, body: bytes, reservation: Reservation) -> Awaitable[_Parsed_co]:
        """What is made of it; see ``Answering.read``."""


class Answering:
    """Answers photographs for the fronts of one service."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._cache = ResponseCache(state.settings.cache_bytes, state.metrics)
        own = LimitsByModel.from_settings(state.settings).largest("deadline_ms")
        self._ahead = 0
        self._longest_s = max(MOST_TIMEOUT_MS, state.settings.deadline_ms, own) / 1000

    def model(
        self, request: HTTPConnection, name: str | None = None, version: str | None = None
    ) -> LoadedModel:
        """The model that a request asks for; the default one if it names none.

        Where it asks for labels and names no version, the model's rollout chooses: for the same
        request the same one, as long as rollout and versions are the same. Who looks inside gets
        the version that most requests get: features of two versions are not comparable.

        Raises:
            Starting, UnknownModel, UnknownVersion: it isn't loaded.

        """
        model = self._state.newest(name, version)
        record = record_of(request.scope)
        plan = self._state.rollout.plans.get(model.card.name)
        record.is_rollout = plan is not None
        if plan and version is None:
            model = (
                self._chosen(plan, model, record.request_id)
                if record.classifies
                else self._state.main(model)
            )
        record.model, record.version = model.card.name, model.card.version
        return model

    def _chosen(self, plan: Plan, model: LoadedModel, request_id: str) -> LoadedModel:
        """The version of a model that a request gets which names none, each time the same."""
        versions = self._state.fleet.versions(model.card.name)
        # It may have been unloaded just now: who has found it keeps it.
        return versions[plan.choose([*versions], point(request_id))] if versions else model

    def refuse_early(
        self,
        request: HTTPConnection,
        name: str | None,
        version: str | None,
        timeout_s: float | None,
    ) -> None:
        """Refuse a request before its body is read, where that would hardly have it accepted.

        A form and JSON may name another model, or a longer time, and so wait for their end.

        Raises:
            Starting, UnknownModel, UnknownVersion: the model isn't loaded.
            Overloaded: as ``answers`` would, of a photograph like those before it.

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

    async def give_way(self) -> None:
        """Let other requests begin, once this one was not refused early; see ``FastPath``.

        Until it goes on, they find its place taken: else all that come in one turn of the loop
        would find the same one free, and most be refused when their bodies have been read.
        """
        self._ahead += 1
        try:
            await asyncio.sleep(0)
        finally:
            self._ahead -= 1

    def _show_shadows(
        self, record: RequestRecord, model: LoadedModel, photos: Sequence[bytes]
    ) -> None:
        """Have other versions see what this one has answered just now, where they are to."""
        plan = self._state.rollout.plans.get(model.card.name)
        if plan and plan.shadow:
            pairs = zip(photos, record.tickets, strict=True)
            seen = ((photo, ticket.inference) for photo, ticket in pairs)
            answered = [Answered(photo, one.answer) for photo, one in seen if one]
            self._state.shadows.show(plan, record.request_id, model, answered)

    def _refuse_if_full(
        self, request: HTTPConnection, models: Sequence[LoadedModel], timeout_s: float | None
    ) -> None:
        """Refuse a request where none of the models would accept a photograph.

        With a response cache none is refused here: an answer that is known needs no room.
        """
        if self._cache.answers.max_bytes:
            return
        refusal: BoothError | None = None
        for model in models:
            try:
                model.classifier.refuse_if_full(
                    timeout_s, client_of(request.scope), ahead=self._ahead
                )
            except BoothError as error:
                refusal = error
            else:
                return
        if refusal:
            # Of one photograph at least; how many there are isn't read.
            record_of(request.scope).failed = {0: refusal.outcome}
            raise refusal

    async def photographs(
        self, request: Request, known: Collection[str], names: Names = IMAGES
    ) -> Photographs:
        """Read a request's body: a photograph, a form of them, or JSON.

        Args:
            request: whose body it is.
            known: the parameters that may stand beside the photographs.
            names: those that JSON has for the photographs.

        Raises:
            Overloaded: there is no memory free for it.
            TooLarge, SlowBody, BadImage, InvalidParameter, TooManyPhotos, UnsupportedFormat: see
                ``web.body``.
            RateLimited: its client sent too many photographs.
            ClientDisconnect: the client went away.

        """
        most = self._state.settings.max_photos
        parse = partial(photographs, request, known=known, names=names, max_photos=most)
        sent, reservation = await self.read(request, parse)
        return Photographs(sent.photos, sent.is_list, sent.fields, reservation, sent.name)

    async def read(self, request: Request, parse: Parse[_Parsed]) -> tuple[_Parsed, Reservation]:
        """Read a request's body, in a form of the front's own.

        Args:
            request: whose body it is.
            parse: takes the body apart; the reservation has its bytes, and has what is made of it
                afterwards.

        Returns:
            What was made of it, and the memory of that, which the caller gives back.

        Raises:
            BoothError: as ``photographs``, and what ``parse`` raises.
            ClientDisconnect: the client went away.

        """
        reservation = self._state.memory.reserve(0, client_of(request.scope))
        try:
            return await self._read(request, reservation, parse), reservation
        except BaseException:
            reservation.release()
            raise

    async def _read(
        self, request: Request, reservation: Reservation, parse: Parse[_Parsed]
    ) -> _Parsed:
        settings, start = self._state.settings, time.perf_counter()
        body = await read_body(
            request, reservation, settings.max_body_bytes, settings.body_timeout_ms / 1000
        )
        parsed = await parse(body=body, reservation=reservation)
        self.received(request, len(body), len(parsed.photos), start)
        return parsed

    def received(
        self, request: HTTPConnection, body_bytes: int, photographs: int, start: float
    ) -> None:
        """Tell the record what a body holds, and count its photographs.

        ``read`` does so by itself; a front that gets its bodies in another way has to.

        Args:
            request: whose body it was.
            body_bytes: its size.
            photographs: how many it holds.
            start: the instant of ``time.perf_counter()`` at which the reading of it began.

        Raises:
            RateLimited: its client sent too many photographs.

        """
        record = record_of(request.scope)
        record.read_stage = Stage("read", start, time.perf_counter() - start)
        record.body_bytes, record.photographs = body_bytes, photographs
        count_more(request.scope, photographs - 1)

    async def features(
        self,
        request: HTTPConnection,
        model: LoadedModel,
        photos: Sequence[bytes],
        timeout_s: float | None,
    ) -> list[NDArray[np.float32] | BoothError]:
        """The pooled features of each photograph, or what went wrong with it.

        Args:
            request: whose client may go away.
            model: whose features they are.
            photos: the files.
            timeout_s: seconds after which the answers are of no use; None for the usual time.

        Raises:
            InvalidParameter: the model's file does not give them.
            Overloaded: there is no room for all of them, or they would be answered too late.
            ClientDisconnect: the client went away.

        """
        answers = await _ask(request, model, photos, _Question(1, timeout_s, FEATURES))
        tickets = record_of(request.scope).tickets
        return [
            answer if isinstance(answer, BoothError) else _features_of(ticket)
            for answer, ticket in zip(answers, tickets, strict=True)
        ]

    async def probabilities(
        self,
        request: HTTPConnection,
        model: LoadedModel,
        photos: list[bytes],
        timeout_s: float | None,
    ) -> list[NDArray[np.float32] | BoothError]:
        """The probabilities of all labels for each photograph, or what went wrong with it.

        Args:
            request: whose client may go away.
            model: that answers.
            photos: the files.
            timeout_s: seconds after which the answers are of no use; None for the usual time.

        Raises:
            Overloaded: there is no room for all of them, or they would be answered too late.
            ClientDisconnect: the client went away.

        """
        lookup = await self._cache.look_up_probabilities(request, model, photos)
        answers = await _ask(request, model, lookup.missing, _Question(1, timeout_s))
        record, labels = record_of(request.scope), len(model.card.labels)
        rows = [
            answer if isinstance(answer, BoothError) else _inference_of(ticket).answer[:labels]
            for answer, ticket in zip(answers, record.tickets, strict=True)
        ]
        results = lookup.completed(rows)
        self._tell(request, model, lookup.missing, answers, results)
        return results

    async def answers(
        self,
        request: HTTPConnection,
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
        self._tell(request, model, lookup.missing, results, results)
        return Results(results, lookup.etag)

    def _tell(
        self,
        request: HTTPConnection,
        model: LoadedModel,
        asked: Sequence[bytes],
        answers: Sequence[object],
        results: Sequence[object],
    ) -> None:
        """Tell the request's record, and the versions that are to see what the network has seen."""
        record = record_of(request.scope)
        record.answers = [one for one in answers if isinstance(one, Answer)]
        record.failed = {
            index: one.outcome for index, one in enumerate(results) if isinstance(one, BoothError)
        }
        if record.is_rollout:
            self._show_shadows(record, model, asked)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of each photograph; see ``Answering.answers``."""

    top_k: int
    timeout_s: float | None
    explain: frozenset[str] = frozenset()


async def _ask(
    request: HTTPConnection, model: LoadedModel, photos: Sequence[bytes], question: _Question
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
        return error.with_traceback(None)  # which holds the ticket, and so the error


def _inference_of(ticket: Ticket) -> Inference:
    inference = ticket.inference
    assert inference  # noqa: S101 (it was answered)
    return inference


def _features_of(ticket: Ticket) -> NDArray[np.float32]:
    explanation = _inference_of(ticket).explanation
    assert explanation  # noqa: S101 (it was asked for)
    assert explanation.features is not None  # noqa: S101
    return explanation.features


@contextlib.contextmanager
def dropping_if_gone(request: HTTPConnection, tickets: Sequence[Droppable]) -> Iterator[None]:
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
