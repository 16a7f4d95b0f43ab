"""The response cache: answers given before, and ``ETag`` for what a client has already."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.requests import HTTPConnection

from booth_client.errors import BoothError
from booth_client.wire import Answer, Timing, as_json
from service.engine.cache import AnswerCache, answer_key
from service.fleet.fleet import LoadedModel
from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord, Stage
from service.web.scope import record_of

__all__ = ["CachedAnswer", "Lookup", "ResponseCache", "Result"]

# So many bytes are hashed in 0.2 ms with SHA instructions and in 0.8 ms without; more would hold up
# the event loop for longer than handing them to a thread costs.
_HASHED_HERE = 262_144

_TIMES = b'"timing_ms":'  # the last field of an answer
_ALL_LABELS = 0  # in place of a count of labels, of which there is one at least


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer that was given before: its JSON, with the times of this time."""

    json: bytes
    timing_ms: Timing


Result: TypeAlias = Answer | CachedAnswer | BoothError


class Lookup:
    """What is known of a request's photographs in advance. Without a cache: nothing.

    Attributes:
        missing: the photographs that the network has to see.
        etag: of the answer to a single photograph; else None.
        not_modified: whether the client has that answer.

    """

    def __init__(self, missing: Sequence[bytes]) -> None:
        self.missing = missing
        self.etag: str | None = None
        self.not_modified = False

    def completed(self, answers: list[Any]) -> list[Any]:
        """What is known together with the answers to what was missing, in the request's order."""
        return answers


class ResponseCache:
    """Knows the answers that a service gave.

    For one event loop. Two equal photographs that are under way at the same time both run.

    Args:
        max_bytes: of memory for answers; 0 turns all of this off, hashing included.
        metrics: show what it holds.

    """

    def __init__(self, max_bytes: int, metrics: Metrics) -> None:
        self.answers = AnswerCache(max_bytes)
        self.metrics = metrics.cache
        self.metrics.watch(self.answers)

    async def look_up(
        self,
        request: HTTPConnection,
        model: LoadedModel,
        photos: list[bytes],
        top_k: int,
        explain: frozenset[str] = frozenset(),
        *,
        is_list: bool,
    ) -> Lookup:
        """Look each photograph up; a single one's ``If-None-Match`` as well."""
        if not self.answers.max_bytes:
            return Lookup(photos)
        start = time.perf_counter()
        keys = await _keys(model.identity, top_k, photos, explain)
        lookup = _CacheLookup(self, request, photos, keys)
        if not is_list:
            lookup.tag(_listed(request, "if-none-match"))
        if not lookup.not_modified:
            lookup.find(start)
        return lookup

    async def look_up_probabilities(
        self, request: HTTPConnection, model: LoadedModel, photos: list[bytes]
    ) -> Lookup:
        """Look up the probabilities of all labels, which are kept beside the answers."""
        if not self.answers.max_bytes:
            return Lookup(photos)
        start = time.perf_counter()
        keys = await _keys(model.identity, _ALL_LABELS, photos)
        lookup = _ProbabilitiesLookup(self, request, photos, keys)
        lookup.find(start)
        return lookup


class _CacheLookup(Lookup):
    """A lookup in a ``ResponseCache``; the request's record tells of it."""

    def __init__(
        self, cache: ResponseCache, request: HTTPConnection, photos: list[bytes], keys: list[bytes]
    ) -> None:
        super().__init__(photos)
        directives = {one.lower() for one in _listed(request, "cache-control")}
        self._cache = cache
        self._record: RequestRecord = record_of(request.scope)
        self._keys = keys
        self._bypasses = "no-cache" in directives
        self._stores = "no-store" not in directives
        self._known: dict[int, Any] = {}
        self._took_ms = 0.0

    def tag(self, held_by_client: set[str]) -> None:
        """Give the single photograph's answer its ETag; see whether the client has it."""
        (key,) = self._keys
        # Weak: the labels are the same each time, to the last digit; the times in it are not.
        self.etag = f'W/"{key.hex()}"'
        if not self._bypasses and self.etag.removeprefix("W/") in held_by_client:
            self._record.lookups = {"not_modified": 1}
            self.not_modified = True

    def find(self, start: float) -> None:
        """Take from the cache what it has; ``start`` is when the whole body was there."""
        found = [None if self._bypasses else self._cache.answers.get(key) for key in self._keys]
        took_s = time.perf_counter() - start
        self._took_ms = took_s * 1000
        self._record.cache_stage = Stage("cache", start, took_s)
        self._known = {
            index: self._known_as(value) for index, value in enumerate(found) if value is not None
        }
        missed = "bypass" if self._bypasses else "miss"
        self._record.lookups = Counter(missed if value is None else "hit" for value in found)
        self._record.cached = set(self._known)
        self.missing = [p for index, p in enumerate(self.missing) if index not in self._known]

    def completed(self, answers: list[Any]) -> list[Any]:
        """As the base class; answers that are new are kept."""
        new = iter(answers)
        return [
            self._known[index] if index in self._known else self._kept(key, next(new))
            for index, key in enumerate(self._keys)
        ]

    def _kept(self, key: bytes, answer: Any) -> Any:
        if isinstance(answer, BoothError):
            return answer
        if self._stores:
            self._cache.metrics.evicted(self._cache.answers.put(key, self._value_of(answer)))
        return self._timed(answer)

    def _known_as(self, value: bytes) -> Any:
        """What is answered of a value that the cache had."""
        timing = Timing(decode=0, queue=0, inference=0, total=round(self._took_ms, 3))
        return CachedAnswer(b"%b%b%b}" % (value, _TIMES, orjson.dumps(timing)), timing)

    def _value_of(self, answer: Any) -> bytes:
        """What the cache keeps of an answer."""
        return orjson.dumps(as_json(answer)).rpartition(_TIMES)[0]

    def _timed(self, answer: Any) -> Any:
        """An answer that says what looking it up took."""
        total = round(answer.timing_ms.total + self._took_ms, 3)
        return replace(answer, timing_ms=replace(answer.timing_ms, total=total))


class _ProbabilitiesLookup(_CacheLookup):
    """A lookup of the probabilities of all labels: they are kept as they are."""

    def _known_as(self, value: bytes) -> NDArray[np.float32]:
        return np.frombuffer(value, np.float32)

    def _value_of(self, answer: Any) -> bytes:
        probabilities: NDArray[np.float32] = answer
        return probabilities.tobytes()

    def _timed(self, answer: Any) -> Any:
        return answer


async def _keys(
    model: bytes, top_k: int, photos: list[bytes], explain: frozenset[str] = frozenset()
) -> list[bytes]:
    def keys() -> list[bytes]:
        return [answer_key(model, top_k, photo, explain) for photo in photos]

    if sum(map(len, photos)) <= _HASHED_HERE:
        return keys()
    return await asyncio.to_thread(keys)


def _listed(request: HTTPConnection, header: str) -> set[str]:
    """The members of a header that is a list; an ETag's without the mark of a weak one."""
    members = ",".join(request.headers.getlist(header)).split(",")
    return {member.strip().removeprefix("W/") for member in members}
