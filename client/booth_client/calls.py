"""The HTTP API from the caller's side, apart from how one waits: a ``Call`` for each route.

``booth_client.client`` carries the calls, in plain code or on an event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import quote

from booth_client import errors
from booth_client.parsing import parse
from booth_client.wire import (
    Activations,
    Answer,
    Card,
    ExplainedAnswer,
    Features,
    KnownAnswer,
    Label,
    LabelMap,
    LayerFilters,
    ModelLayers,
    ModelSummary,
    Occlusion,
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from booth_client.wire import Maps, Part

__all__ = [
    "READY",
    "Call",
    "activations",
    "card",
    "classify",
    "features",
    "filters",
    "label_map",
    "labels",
    "layers",
    "models",
    "occlusion",
    "sources",
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
    repeatable: bool = True  # if not, its answer is of this moment

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


def activations(
    photo: bytes,
    *,
    layer: str | Sequence[str],
    units: int | Literal["all"] | Sequence[int],
    maps: Maps,
    model: str | None,
    top_k: int,
    timeout_ms: int | None,
) -> Call[Activations]:
    """What the units of some layers answer to one photograph."""
    names = layer if isinstance(layer, str) else ",".join(layer)
    if isinstance(units, int | str):
        which = {"units": str(units)}
    else:
        which = {"unit": ",".join(map(str, units))}
    asked = {"layer": names, **which, "maps": maps}
    return Call(
        "/activations",
        lambda response: parse(Activations, _body(response)),
        "POST",
        {**_params(model, top_k, timeout_ms, ()), **asked},
        content=photo,
    )


def occlusion(
    photo: bytes,
    *,
    layer: str,
    unit: int,
    at: tuple[int, int] | None,
    model: str | None,
    timeout_ms: int | None,
) -> Call[Occlusion]:
    """What one unit loses where what it sees of one photograph is covered."""
    row, column = at or (None, None)
    return Call(
        "/occlusion",
        lambda response: parse(Occlusion, _body(response)),
        "POST",
        _given(model=model, timeout_ms=timeout_ms, layer=layer, unit=unit, row=row, column=column),
        content=photo,
    )


def features(
    photos: Sequence[bytes], *, layer: str | None, model: str | None, timeout_ms: int | None
) -> Call[list[Features | errors.BoothError]]:
    """The features, or the error, of each photograph."""
    params = _given(model=model, timeout_ms=timeout_ms, layer=layer)
    return Call("/features", _features, "POST", params, files=_files(photos))


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


def sources() -> Call[list[Source]]:
    """The published weights that could be served."""
    return Call("/sources", lambda response: parse(list[Source], _body(response)["sources"]))


def layers(name: str) -> Call[ModelLayers]:
    """The layers of one model's network."""
    path = f"/models/{quote(name, safe='')}/layers"
    return Call(path, lambda response: parse(ModelLayers, _body(response)))


def filters(name: str, layer: str, units: Sequence[int]) -> Call[LayerFilters]:
    """The weights of a layer's units; of its first ones where none are named."""
    path = f"/models/{quote(name, safe='')}/filters"
    params = {"layer": layer} | ({"unit": ",".join(map(str, units))} if units else {})
    return Call(path, lambda response: parse(LayerFilters, _body(response)), params=params)


READY: Call[bool] = Call("/readyz", lambda response: response.is_success, repeatable=False)


def _params(
    model: str | None, top_k: int, timeout_ms: int | None, explain: Sequence[Part]
) -> dict[str, str]:
    parts = ",".join(explain) or None
    return _given(model=model, top_k=top_k, timeout_ms=timeout_ms, explain=parts)


def _given(**parameters: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items() if value is not None}


def _files(photos: Sequence[bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("photo", (f"photo-{index}", photo)) for index, photo in enumerate(photos)]


def _answer(response: httpx.Response) -> Answer:
    return _parsed_answer(_body(response))


def _features(response: httpx.Response) -> list[Features | errors.BoothError]:
    """Of one photograph they come bare, or its error; those of several under ``results``."""
    try:
        body = _body(response)
    except (errors.BadImage, errors.UnsupportedFormat, errors.TooManyPixels) as error:
        return [error]
    items = parse(dict, body).get("results", [body])
    return [parse(Features, item) if "features" in item else _problem(item) for item in items]


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
