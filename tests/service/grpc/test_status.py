"""Errors as status codes."""

from __future__ import annotations

import pytest
from grpc import StatusCode

from booth_client import errors
from booth_client.errors import BoothError
from service.grpc.status import code_of


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.BadImage, StatusCode.INVALID_ARGUMENT),
        (errors.DeadlineExceeded, StatusCode.DEADLINE_EXCEEDED),
        (errors.InternalError, StatusCode.INTERNAL),
        (errors.InvalidParameter, StatusCode.INVALID_ARGUMENT),
        (errors.Overloaded, StatusCode.RESOURCE_EXHAUSTED),
        (errors.RateLimited, StatusCode.RESOURCE_EXHAUSTED),
        (errors.SlowBody, StatusCode.DEADLINE_EXCEEDED),
        (errors.Starting, StatusCode.UNAVAILABLE),
        (errors.TooManyPixels, StatusCode.INVALID_ARGUMENT),
        (errors.Unauthorized, StatusCode.UNAUTHENTICATED),
        (errors.UnknownModel, StatusCode.NOT_FOUND),
        (errors.UnsupportedFormat, StatusCode.INVALID_ARGUMENT),
    ],
)
def test_each_kind_of_error_has_its_code(kind: type[BoothError], code: StatusCode) -> None:
    assert code_of(kind("A sentence.")) is code


def test_only_errors_of_ours_are_internal() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    ours = [one for one in kinds if issubclass(one, BoothError)]
    internal = {one.__name__ for one in ours if code_of(one("A.")) is StatusCode.INTERNAL}
    assert internal == {"BoothError", "InternalError", "HeadTooLarge"}
