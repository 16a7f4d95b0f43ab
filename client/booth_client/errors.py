"""What can go wrong between a request and its answer: one tree, the status in the class.

Each error's text is one sentence for the client that says what was wrong and what would be right;
it never holds a path, a stack trace or a library's own message.

* BoothError
  + BadRequest
    - BadImage                400  empty, or cannot be decoded
    - Unauthorized            401
    - Forbidden               403  another site's page asks, or a key that may not manage
    - UnknownModel            404
    - UnknownVersion          404
    - SlowBody, SlowHead      408
    - TooLarge                413  bytes
    - TooManyPixels           413
    - TooManyPhotos           413  in one request
    - UnsupportedFormat       415
    - InvalidParameter        422
    - UnusableModel           422  a file of the repository
    - RateLimited             429  + Retry-After
    - HeadTooLarge            431  bytes
    - UnsupportedCoding       501
  + Unavailable
    - Overloaded              503  + Retry-After
    - Starting                503  + Retry-After
    - ShuttingDown            503  + Retry-After
    - NotReady                503  + Retry-After, of /readyz
    - RepositoryUnreachable   503  + Retry-After
    - DeadlineExceeded        504
    - ServiceUnreachable           raised by the client: no Booth answers there
  + InternalError             500
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadImage",
    "BadRequest",
    "BoothError",
    "DeadlineExceeded",
    "Forbidden",
    "HeadTooLarge",
    "InternalError",
    "InvalidParameter",
    "NotReady",
    "Overloaded",
    "RateLimited",
    "RepositoryUnreachable",
    "ServiceUnreachable",
    "ShuttingDown",
    "SlowBody",
    "SlowHead",
    "Starting",
    "TooLarge",
    "TooManyPhotos",
    "TooManyPixels",
    "Unauthorized",
    "Unavailable",
    "UnknownModel",
    "UnknownVersion",
    "UnsupportedCoding",
    "UnsupportedFormat",
    "UnusableModel",
]


class BoothError(Exception):
    """The root. ``kind`` names the problem in URLs and metrics; ``retry_after_s`` is a hint."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def outcome(self) -> str:
        """Its name in metrics, log and traces."""
        return "error" if self.status == 500 else self.kind.replace("-", "_")  # noqa: PLR2004


class BadRequest(BoothError):
    """The client can put it right."""

    status = 400
    kind = "bad-request"
    title = "Bad request"


class BadImage(BadRequest):
    """The bytes are empty, or are a damaged photograph."""

    kind = "bad-image"
    title = "Not a readable image"


class Unauthorized(BadRequest):
    """No key, or a wrong one."""

    status = 401
    kind = "unauthorized"
    title = "Unauthorized"


class Forbidden(BadRequest):
    """The page of another site asks for what only Booth's own page may; or a key may not manage."""

    status = 403
    kind = "forbidden"
    title = "Forbidden"


class UnknownModel(BadRequest):
    """No model of that name is served."""

    status = 404
    kind = "unknown-model"
    title = "Unknown model"


class UnknownVersion(BadRequest):
    """The model is served, but not in that version."""

    status = 404
    kind = "unknown-version"
    title = "Unknown version"


class SlowBody(BadRequest):
    """The body did not arrive in time."""

    status = 408
    kind = "slow-body"
    title = "The body came too slowly"


class SlowHead(BadRequest):
    """The request line and the headers did not arrive in time."""

    status = 408
    kind = "slow-head"
    title = "The head came too slowly"


class TooLarge(BadRequest):
    """More bytes than the service takes."""

    status = 413
    kind = "too-large"
    title = "Too large"


class TooManyPixels(BadRequest):
    """More pixels than the service decodes."""

    status = 413
    kind = "too-many-pixels"
    title = "Too many pixels"


class TooManyPhotos(BadRequest):
    """More photographs than one request may carry."""

    status = 413
    kind = "too-many-photos"
    title = "Too many photographs"


class UnsupportedFormat(BadRequest):
    """Not one of the formats that the service decodes."""

    status = 415
    kind = "unsupported-format"
    title = "Unsupported format"


class InvalidParameter(BadRequest):
    """A query parameter or a JSON field has a value it can't have."""

    status = 422
    kind = "invalid-parameter"
    title = "Invalid parameter"


class UnusableModel(BadRequest):
    """The model's file can't be used; what was loaded before stays."""

    status = 422
    kind = "unusable-model"
    title = "Unusable model"


class RateLimited(BadRequest):
    """The client sent more than its share."""

    status = 429
    kind = "rate-limited"
    title = "Too many requests"


class HeadTooLarge(BadRequest):
    """More bytes of request line and headers than the service takes."""

    status = 431
    kind = "head-too-large"
    title = "Head too large"


class UnsupportedCoding(BadRequest):
    """The body's transfer coding is another one than chunks."""

    status = 501
    kind = "unsupported-coding"
    title = "Unsupported transfer coding"


class Unavailable(BoothError):
    """Nothing is wrong with the request; another time, or another replica, will do."""

    status = 503
    kind = "unavailable"
    title = "Unavailable"


class Overloaded(Unavailable):
    """The queue is full."""

    kind = "overloaded"
    title = "Overloaded"


class Starting(Unavailable):
    """The models are still being loaded."""

    kind = "starting"
    title = "Starting"


class NotReady(Unavailable):
    """Traffic had better go elsewhere; the sentence says why."""

    kind = "not-ready"
    title = "Not ready"


class RepositoryUnreachable(Unavailable):
    """The model repository can't be read now; what was loaded before stays."""

    kind = "repository-unreachable"
    title = "Repository unreachable"


class ShuttingDown(Unavailable):
    """The service takes nothing new; what it accepted is still answered."""

    kind = "shutting-down"
    title = "Shutting down"


class DeadlineExceeded(Unavailable):
    """The photograph waited longer than its deadline allowed."""

    status = 504
    kind = "deadline"
    title = "Deadline exceeded"


class ServiceUnreachable(Unavailable, ConnectionError):
    """Nobody answers at that address, or what answers is no Booth."""

    kind = "unreachable"
    title = "Service unreachable"


class InternalError(BoothError):
    """Our fault. The cause is in the log, under the request's id."""
