"""Between a parsed request that looks inside a network and its answer: what such fronts share."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from starlette.requests import Request
from starlette.types import Scope

from booth_client.errors import TooManyPhotos
from booth_client.wire import Timing
from service.api.answering import Answering, dropping_if_gone
from service.fleet.fleet import LoadedModel
from service.inspection.task import Subject, Task
from service.web.query import merged, parameters
from service.web.scope import client_of
from service.web.state import ServiceState

__all__ = [
    "Inspecting",
    "Received",
    "asks_to_inspect",
    "prefers",
    "server_timing",
    "timing",
]

Answer = TypeVar("Answer")


class Query(Protocol):
    """What is among the parameters of every such front."""

    @property
    def model(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def timeout_ms(self) -> int | None: ...


GivenQuery = TypeVar("GivenQuery", bound=Query)


@dataclass(frozen=True, slots=True)
class Received(Generic[GivenQuery]):
    """A request whose body has come.

    Attributes:
        query: its parameters, those of the body among them.
        model: the one that is asked for.
        subject: that model and the one photograph.
        start: when the body had come, on the clock of ``time.monotonic``.

    """

    query: GivenQuery
    model: LoadedModel
    subject: Subject
    start: float


# The weight of what is not wanted (RFC 9110, section 12.4.2).
_REFUSED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)

# What is asked, as the metrics name it, by the path.
_WHAT = {
    "/label-map": "label-map",
    "/activations": "activations",
    "/occlusion": "occlusion",
    "/features": "features",
}


def asks_to_inspect(scope: Scope) -> str:
    """What a request wants to see of a network's inside; "" if it is another request."""
    return _WHAT.get(scope["path"], "") if scope["method"] == "POST" else ""


class Inspecting:
    """Has one process look into networks, for the fronts of one service."""

    def __init__(self, state: ServiceState, answering: Answering) -> None:
        self.answering = answering
        self._queue = state.inspections

    def model(self, request: Request, name: str | None, version: str | None) -> LoadedModel:
        """The model that is asked for, before the body is read, where others leave room.

        Raises:
            Starting, UnknownModel, UnknownVersion: it isn't loaded.
            Overloaded: too many wait already.

        """
        model = self.answering.model(request, name, version if name else None)
        self._queue.refuse_if_full(client_of(request.scope))
        return model

    @asynccontextmanager
    async def one_photograph(
        self,
        request: Request,
        parsed: Callable[[dict[str, str]], GivenQuery],
        known: Collection[str],
        one_of: str,
    ) -> AsyncIterator[Received[GivenQuery]]:
        """Read a request of which one photograph is part, and hold that until it is answered.

        Args:
            request: whose body is to come.
            parsed: what its parameters mean; may raise ``InvalidParameter``.
            known: the parameters there are, in the query or beside the photograph.
            one_of: what is made of one photograph alone, with its article.

        Raises:
            BoothError: the parameters or the body are wrong, or there is no room for it.

        """
        given = parameters(request.scope["query_string"], known)
        query = parsed(given)
        self.model(request, query.model, query.version)
        with await self.answering.photographs(request, known) as sent:
            if len(sent.photos) != 1:
                raise TooManyPhotos(f"{one_of} one photograph; send them one by one.")
            if sent.fields:
                query = parsed(merged(given, sent.fields))
            start = time.monotonic()
            # While the body came, another may have been loaded in its place.
            model = self.answering.model(request, query.model, query.version)
            subject = self.subject(model, sent.photos, query.timeout_ms)
            yield Received(query, model, subject, start)

    def subject(
        self, model: LoadedModel, photos: Sequence[bytes], timeout_ms: int | None
    ) -> Subject:
        """A model and the photographs that it is to be shown."""
        seconds = timeout_ms / 1000 if timeout_ms else model.classifier.limits.deadline_s
        return Subject(
            photos=tuple(photos),
            path=str(model.path),
            modified=model.modified,
            card=model.card,
            max_pixels=self._queue.max_pixels,
            formats=self._queue.formats,
            deadline=time.monotonic() + seconds,
        )

    async def answer(self, request: Request, task: Task[Answer]) -> Answer:
        """Have a task done.

        Raises:
            BoothError: it won't do, or there is no room for it.
            ClientDisconnect: the client went away.

        """
        ticket = self._queue.submit(task, client_of(request.scope))
        with dropping_if_gone(request, [ticket]):
            return await ticket.answer()


def prefers(request: Request, media_type: str) -> bool:
    """Whether a request wants an answer of that type, which it has to name, rather than JSON."""
    name, *parameters = request.headers.get("accept", "").split(",")[0].split(";")
    return name.strip().lower() == media_type and not any(map(_REFUSED.fullmatch, parameters))


def timing(decode_s: float, inference_s: float, total_s: float) -> Timing:
    """In milliseconds; what is neither decoding nor the network is waiting."""
    seconds = decode_s, total_s - decode_s - inference_s, inference_s, total_s
    return Timing(*(round(1000 * one, 3) for one in seconds))


def server_timing(times: Timing) -> dict[str, str]:
    """The header that tells a browser of them."""
    stages: dict[str, Any] = {
        "decode": times.decode,
        "queue": times.queue,
        "inference": times.inference,
        "total": times.total,
    }
    return {"Server-Timing": ", ".join(f"{name};dur={value:.2f}" for name, value in stages.items())}
