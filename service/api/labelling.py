"""What fronts share that label photographs: a question in other services' JSON, and its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from booth_client.errors import BoothError, InvalidParameter
from booth_client.wire import Answer, as_json
from service.api.answering import Answering, Results
from service.api.openapi.parameters import MOST_TIMEOUT_MS
from service.telemetry.record import Stage
from service.web import problems
from service.web.instances import Names
from service.web.query import given_twice, merged, parameters, whole_number
from service.web.response_cache import CachedAnswer, Result
from service.web.scope import record_of

__all__ = ["PARAMETERS", "Labelled", "Labelling", "in_kind", "in_lists", "rendered", "shown"]

_MOST_LABELS = 1000
_SOFTMAX = "softmax"


@dataclass(frozen=True, slots=True)
class _Query:
    """The parameters of a request; ``function_to_apply`` is Hugging Face's."""

    model: str | None = None
    version: str | None = None
    top_k: int = 5
    timeout_ms: int | None = None
    function_to_apply: str = _SOFTMAX

    @property
    def timeout_s(self) -> float | None:
        return self.timeout_ms / 1000 if self.timeout_ms else None


PARAMETERS = ("model", "version", "top_k", "timeout_ms")


def _parsed(given: Mapping[str, str]) -> _Query:
    function = given.get("function_to_apply", _SOFTMAX)
    if function != _SOFTMAX:
        raise InvalidParameter(
            f"function_to_apply must be softmax, which is inside a model's file, not "
            f"{function[:32]!r}."
        )
    return _Query(
        model=given.get("model"),
        version=given.get("version"),
        top_k=whole_number(given, "top_k", most=_MOST_LABELS) or 5,
        timeout_ms=whole_number(given, "timeout_ms", most=MOST_TIMEOUT_MS),
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """What there is to say of a request's photographs, as it has called them in JSON: ``name``."""

    results: Results
    is_list: bool
    name: str


class Labelling:
    """Asks for the labels of photographs that came in other services' JSON, or as they are.

    Args:
        answering: of the service.

    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def ask(
        self,
        request: Request,
        names: Names,
        told: Mapping[str, str],
        known: Collection[str] = PARAMETERS,
        place: str = "the address",
    ) -> Labelled:
        """The labels of a request's photographs.

        Args:
            request: whose body holds them, and whose query has parameters.
            names: what its JSON may have.
            told: parameters that stand elsewhere: in the path, or in a header.
            known: the parameters there are.
            place: where ``told`` stand.

        Raises:
            BoothError: of all photographs, the first's: those clients know one error for all. Else
                as ``Answering`` does.

        """
        in_query = parameters(request.scope["query_string"], known)
        query = _parsed(_together(in_query, told))
        answering = self._answering
        answering.refuse_early(request, query.model, query.version, query.timeout_s)
        with await answering.photographs(request, known, names) as asked:
            if asked.fields:
                query = _parsed(merged(in_query, merged(told, asked.fields, place)))
            # While the body came, another may have been loaded in its place.
            model = answering.model(request, query.model, query.version)
            results = await answering.answers(
                request, model, asked, top_k=query.top_k, timeout_s=query.timeout_s
            )
        _refuse_if_all_failed(results)
        return Labelled(results, asked.is_list, asked.name)


def _together(query: dict[str, str], told: Mapping[str, str]) -> dict[str, str]:
    for name in query.keys() & told.keys():
        if query[name] != told[name]:
            raise given_twice(name)
    return {**query, **told}


def _refuse_if_all_failed(results: Results) -> None:
    errors = [one for one in results.results if isinstance(one, BoothError)]
    if errors and len(errors) == len(results.results):
        raise errors[0]


def rendered(request: Request, given: Results, content: Callable[[], Any]) -> Response:
    """The response whose JSON ``content`` makes; 304 where the client has it already."""
    headers = {"ETag": given.etag} if given.etag else {}
    if given.not_modified:
        return Response(status_code=304, headers=headers)
    record = record_of(request.scope)
    start = time.perf_counter()
    body = orjson.dumps(content())
    read_s = record.read_stage.seconds if record.read_stage else 0.0
    headers["Server-Timing"] = f"read;dur={read_s * 1000:.2f}{_stages(given.results)}"
    record.answer_stage = Stage("answer", start, time.perf_counter() - start)
    return Response(body, headers=headers, media_type="application/json")


def shown(result: Result, request: Request) -> Any:
    """An answer, or what went wrong, as JSON."""
    if isinstance(result, Answer):
        return as_json(result)
    if isinstance(result, CachedAnswer):
        return orjson.Fragment(result.json)
    return problems.body_of(result, request)


def in_kind(labelled: Labelled, request: Request) -> Any:
    """The answers in the form of the question: to instances predictions, else as ``/classify``."""
    answers = [shown(one, request) for one in labelled.results.results]
    if labelled.name == "instances":
        return {"predictions": answers}
    return {"results": answers} if labelled.is_list else answers[0]


def in_lists(labelled: Labelled, request: Request) -> Any:
    """The answers as Hugging Face's pipelines give them: labels with scores, best first."""
    lists = [_labels(one, request) for one in labelled.results.results]
    return lists if labelled.is_list else lists[0]


def _labels(result: Result, request: Request) -> Any:
    if isinstance(result, BoothError):
        return shown(result, request)
    if isinstance(result, CachedAnswer):
        return [_scored(**one) for one in orjson.loads(result.json)["predictions"]]
    return [
        _scored(one.label, one.category, one.index, one.confidence) for one in result.predictions
    ]


def _scored(label: str, category: str, index: int, confidence: float, **_: object) -> Any:
    return {"label": label, "score": confidence, "category": category, "index": index}


def _stages(results: Sequence[Result]) -> str:
    """Those of a single photograph; of several each answer has its own."""
    if len(results) != 1 or isinstance(results[0], BoothError):
        return ""
    timing = results[0].timing_ms
    return (
        f", decode;dur={timing.decode:.2f}, queue;dur={timing.queue:.2f}, "
        f"inference;dur={timing.inference:.2f}, total;dur={timing.total:.2f}"
    )
