"""The errors that a route can answer with: what a status means, and an example of each error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from booth_client import errors
from service.api.openapi.schemas import ref
from service.web.problems import MEDIA_TYPE, PROBLEM_SCHEMA, fields_of

__all__ = [
    "ANY",
    "KEYED",
    "MANAGED",
    "OF_A_MODEL",
    "PHOTOGRAPHS",
    "RESPONSES",
    "SCHEMAS",
    "by_status",
    "problem_of",
]

PLACE = "#/components/responses/"
SCHEMAS: dict[str, dict[str, Any]] = {"Problem": PROBLEM_SCHEMA}

_RETRY = "Retry-After"
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "of this request: the log has it",
        "schema": {"type": "string"},
    },
    _RETRY: {
        "description": "seconds after which it may go better",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"description": "how to say who asks", "schema": {"type": "string"}},
}


@dataclass(frozen=True)
class _Response:
    """What one status means, by the errors that have it."""

    description: str
    examples: tuple[errors.BoothError, ...]
    headers: tuple[str, ...] = ()
    media_type: str = MEDIA_TYPE

    @property
    def status(self) -> int:
        return self.examples[0].status

    def described(self) -> dict[str, Any]:
        examples = {one.kind: {"value": fields_of(one)} for one in self.examples}
        return {
            "description": self.description,
            "headers": {name: _HEADERS[name] for name in ("X-Request-ID", *self.headers)},
            "content": {self.media_type: {"schema": ref("Problem"), "examples": examples}},
        }


_MALFORMED = errors.BadRequest("This is no HTTP that is understood here; send HTTP/1.1.")
_SLOW_HEAD = errors.SlowHead("The head was not complete after 10 s; send it faster.")

_RESPONSES = {
    "BadRequest": _Response("What was sent is no HTTP/1.1.", (_MALFORMED,)),
    "BadImage": _Response(
        "The photograph is empty, or can't be decoded.",
        (errors.BadImage("The photograph is empty; send the bytes of an image."), _MALFORMED),
    ),
    "Unauthorized": _Response(
        "The service has keys, and the request has none of them.",
        (errors.Unauthorized("Send a valid key: `Authorization: Bearer <key>`."),),
        ("WWW-Authenticate",),
    ),
    "Forbidden": _Response(
        "The key is valid, but may not manage models.",
        (errors.Forbidden("This key may not manage models; send a management key."),),
    ),
    "UnknownModel": _Response(
        "No such model is loaded, or not in that version.",
        (
            errors.UnknownModel("There is no model 'x'; ask for one of places365."),
            errors.UnknownVersion("places365 has no version '7'; ask for one of 2."),
        ),
    ),
    "SlowHead": _Response("The head of the request came too slowly.", (_SLOW_HEAD,)),
    "SlowBody": _Response(
        "The body of the request, or its head, came too slowly.",
        (
            errors.SlowBody(
                "The body was not complete after 30 s; send it faster, or a smaller photo."
            ),
            _SLOW_HEAD,
        ),
    ),
    "TooLarge": _Response(
        "Too many bytes, pixels or photographs.",
        (
            errors.TooLarge("The body is larger than 20 MB; send a smaller photograph."),
            errors.TooManyPixels("The photograph has 400 megapixels; send one of 100 at most."),
            errors.TooManyPhotos(
                "The request holds too many photographs; send at most 32 at once."
            ),
        ),
    ),
    "UnsupportedFormat": _Response(
        "What was sent is no photograph in a format that is decoded here.",
        (errors.UnsupportedFormat("This is a PDF; send a photograph, such as a JPEG."),),
    ),
    "InvalidParameter": _Response(
        "A parameter is unknown, is given twice, or has a value that it can't have.",
        (errors.InvalidParameter("top_k must be a whole number from 1 to 1000, not '0'."),),
    ),
    "UnusableModel": _Response(
        "The model's file can't be used; or a field is unknown, or has a value that it can't have.",
        (
            errors.UnusableModel("places365-3.onnx is no ONNX file that can run here."),
            errors.InvalidParameter("version must be a string of 1 to 32 characters."),
        ),
    ),
    "RateLimited": _Response(
        "This client sent more than its share.",
        (
            errors.RateLimited(
                "More than 600 photographs or other requests a minute; slow down, or send fewer "
                "at once."
            ),
        ),
        (_RETRY,),
    ),
    "HeadTooLarge": _Response(
        "The head of the request has too many bytes.",
        (errors.HeadTooLarge("The head is larger than 65536 bytes; send fewer headers."),),
    ),
    "InternalError": _Response(
        "Something failed on the service's side. The cause is in its log, under the request's id.",
        (
            errors.InternalError(
                "Something failed on our side; name the id 5f2b6c0e when you report it."
            ),
        ),
    ),
    "UnsupportedCoding": _Response(
        "The body's transfer coding is another one than chunks.",
        (
            errors.UnsupportedCoding(
                "The body's transfer coding is not known here; send it `chunked`."
            ),
        ),
    ),
    "Unavailable": _Response(
        "Nothing is wrong with the request: another time, or another replica, will do.",
        (
            errors.Overloaded("The queue is full; try again later."),
            errors.Starting("The models are still being loaded; try again soon."),
            errors.ShuttingDown("The service is shutting down; ask another one."),
        ),
        (_RETRY,),
    ),
    "RepositoryUnreachable": _Response(
        "The repository can't be read now; or models can't be loaded now.",
        (
            errors.RepositoryUnreachable("The repository can't be read now; the log says why."),
            errors.Overloaded("Many loads wait already; try again later."),
            errors.Starting("The models are still being loaded; try again soon."),
        ),
        (_RETRY,),
    ),
    "NotReady": _Response(
        "Traffic had better go elsewhere; the sentence says why.",
        (errors.NotReady("The models are still being loaded."),),
        (_RETRY,),
    ),
    "Deadline": _Response(
        "The photograph waited longer than its deadline allowed.",
        (errors.DeadlineExceeded("The photograph waited too long; try again later."),),
    ),
}

# The clients of other services' protocols read errors in plain JSON alone.
_PLAIN = "Plain"
RESPONSES = {
    **{name: one.described() for name, one in _RESPONSES.items()},
    **{
        _PLAIN + name: replace(one, media_type="application/json").described()
        for name, one in _RESPONSES.items()
    },
}

# What can come whatever is asked; of a route that asks for a key where there are some; of one that
# names a model; of one that takes photographs.
ANY = (
    "BadRequest",
    "SlowHead",
    "HeadTooLarge",
    "InternalError",
    "UnsupportedCoding",
    "Unavailable",
)
KEYED = (*ANY, "Unauthorized", "InvalidParameter", "RateLimited")
OF_A_MODEL = (*KEYED, "UnknownModel")
MANAGED = (*OF_A_MODEL, "Forbidden")
PHOTOGRAPHS = (*OF_A_MODEL, "BadImage", "SlowBody", "TooLarge", "UnsupportedFormat", "Deadline")


def by_status(names: Iterable[str], *, plain: bool = False) -> dict[str, dict[str, Any]]:
    """The responses of these names by their statuses; of two with the same, the latter.

    Those of ``plain`` are ``application/json``.
    """
    place = PLACE + _PLAIN if plain else PLACE
    found = {str(_RESPONSES[name].status): {"$ref": place + name} for name in names}
    return dict(sorted(found.items()))


def problem_of(name: str) -> dict[str, Any]:
    """The first example of a response."""
    return fields_of(_RESPONSES[name].examples[0])
