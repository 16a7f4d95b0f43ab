"""Errors as status codes of gRPC; the sentence is the same as over HTTP."""

from __future__ import annotations

from grpc import StatusCode

from booth_client.errors import BoothError, Overloaded

__all__ = ["code_of"]

_CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    408: StatusCode.DEADLINE_EXCEEDED,
    413: StatusCode.INVALID_ARGUMENT,
    415: StatusCode.INVALID_ARGUMENT,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


def code_of(error: BoothError) -> StatusCode:
    """The status code of an error.

    Of what would be ``UNAVAILABLE``, a full queue is told apart: another replica may have room, but
    the same one asked again at once, as some clients do, has not.
    """
    if isinstance(error, Overloaded):
        return StatusCode.RESOURCE_EXHAUSTED
    return _CODES.get(error.status, StatusCode.INTERNAL)
