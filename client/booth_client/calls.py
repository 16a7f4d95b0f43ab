"""The HTTP API from the caller's side, apart from how one waits: a ``Call`` for each route.

``booth_client.client`` carries the calls, in plain code or on an event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from booth_client import errors
from booth_client.parsing import parse
from booth_client.wire import (
    Answer,
    Card,
    ExplainedAnswer,
    KnownAnswer,
    Label,
    LabelMap,
    ModelSummary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from booth_client.wire import Part

__all__ = [
    "READY",
    "Call",
    "card",
    "classify",
    "classify_many",
    "label_map",
    "labels",
    "models",
]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Call(Generic[_T]):
    """One request, and how its response becomes a value or an error."""

    path: str
    read: Callable[[httpx.Response], _T]
    method: str = "GET"
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    files: Sequence[tuple[str, tuple[str, bytes]]] | None = None

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The request, addressed and authorised as ``http`` says."""
        return http.build_request(
            self.method, self.path, params=self.params, content=self.content, files=self.files
        )

    def result(self, response: httpx.Response) -> _T:
        """What the service said.

        Raises:
            BoothError: the error that the service named.
            ServiceUnreachable: the response is not one of Booth's.

        """
        try:
            return self.read(response)
        except (KeyError, TypeError, ValueError) as error:
            raise _stranger(response) from error


def classify(
    photo: bytes,
    *,
    model: str | None,
    top_k: int,
    timeout_ms: int | None,
    explain: Sequence[Part],
) -> Call[Answer]:
    """The labels of one photograph."""
    params = _params(model, top_k, timeout_ms, explain)
    return Call("/classify", _answer, "POST", params, content=photo)


def classify_many(
    photos: Sequence[bytes],
    *,
    model: str | None,
    top_k: int,
    timeout_ms: int | None,
    explain: Sequence[Part],
) -> Call[list[Answer | errors.BoothError]]:
    """The labels, or the error, of each photograph."""
    files = [("photo", (f"photo-{index}", photo)) for index, photo in enumerate(photos)]
    params = _params(model, top_k, timeout_ms, explain)
    return Call("/classify", _answers, "POST", params, files=files)


def label_map(
    photo: bytes,
    *,
    model: str | None,
    top_k: int,
    step: int | None,
    scale: int,
    timeout_ms: int | None,
) -> Call[LabelMap]:
    """The labels of each cell of one photograph."""
    cells = {"scale": str(scale)} | ({} if step is None else {"step": str(step)})
    params = {**_params(model, top_k, timeout_ms, ()), **cells}
    return Call(
        "/label-map",
        lambda response: parse(LabelMap, _body(response)),
        "POST",
        params,
        content=photo,
    )


def models() -> Call[list[ModelSummary]]:
    """The models served now."""
    return Call("/models", lambda response: parse(list[ModelSummary], _body(response)["models"]))


def card(name: str) -> Call[Card]:
    """All that is known about one model."""
    return Call(f"/models/{quote(name, safe='')}", lambda response: parse(Card, _body(response)))


def labels(name: str) -> Call[list[Label]]:
    """One model's labels, in the order of their index."""
    path = f"/models/{quote(name, safe='')}/labels"
    return Call(path, lambda response: parse(list[Label], _body(response)))


READY: Call[bool] = Call("/readyz", lambda response: response.is_success)


def _params(
    model: str | None, top_k: int, timeout_ms: int | None, explain: Sequence[Part]
) -> dict[str, str]:
    parts = ",".join(explain) or None
    given = {"model": model, "top_k": top_k, "timeout_ms": timeout_ms, "explain": parts}
    return {name: str(value) for name, value in given.items() if value is not None}


def _answer(response: httpx.Response) -> Answer:
    return _parsed_answer(_body(response))


def _answers(response: httpx.Response) -> list[Answer | errors.BoothError]:
    """One photograph's answer or error comes bare; those of several come under ``results``."""
    try:
        body = _body(response)
    except (errors.BadImage, errors.UnsupportedFormat, errors.TooManyPixels) as error:
        return [error]
    return [_answer_or_error(item) for item in parse(dict, body).get("results", [body])]


def _answer_or_error(item: Any) -> Answer | errors.BoothError:
    return _parsed_answer(item) if "predictions" in item else _problem(item)


def _parsed_answer(body: Any) -> Answer:
    if "view" in body:
        return parse(ExplainedAnswer, body)
    return parse(KnownAnswer if "known" in body else Answer, body)


def _body(response: httpx.Response) -> Any:
    body = response.json()
    if response.is_success:
        return body
    raise _problem(body, response.headers.get("Retry-After", ""))


def _problem(body: Mapping[str, Any], retry_after: str = "") -> errors.BoothError:
    kind = str(body["type"]).rpartition("/")[2]
    error_class = _ERRORS.get(kind) or _by_status(int(body["status"]))
    seconds = int(retry_after) if retry_after.isdecimal() else None
    return error_class(str(body["detail"]), retry_after_s=seconds)


def _by_status(status: int) -> type[errors.BoothError]:
    """For a kind that a newer service knows and we do not."""
    if status in {502, 503, 504}:
        return errors.Unavailable
    return errors.BadRequest if 400 <= status < 500 else errors.InternalError  # noqa: PLR2004


def _tree(root: type[errors.BoothError]) -> Iterator[type[errors.BoothError]]:
    yield root
    for branch in root.__subclasses__():
        yield from _tree(branch)


_ERRORS = {error_class.kind: error_class for error_class in _tree(errors.BoothError)}


def _stranger(response: httpx.Response) -> errors.ServiceUnreachable:
    where = response.request.url.copy_with(query=None)
    return errors.ServiceUnreachable(
        f"{where} answered {response.status_code}, but not as Booth does; "
        "check that this is the address of a Booth"
    )
