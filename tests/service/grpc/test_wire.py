"""The form of a request in bytes, looked at before it is parsed."""

from __future__ import annotations

import pytest

from booth_client.errors import InvalidParameter
from service.grpc.messages import inference
from service.grpc.wire import MOST_NUMBERS, numbers_in
from tests.service.grpc.calling import asking_for


def test_what_clients_send_is_let_through() -> None:
    request = asking_for(*[b"photo"] * 64, parameters={"top_k": {"int64_param": 3}}, id="r")
    assert numbers_in(request.SerializeToString(), 64) == 1  # the shape, in one byte


def test_photographs_in_contents_are_let_through() -> None:
    contents = {"bytes_contents": [b"photo"] * 64}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [64], "contents": contents}
    request = inference["ModelInferRequest"](inputs=[tensor])
    assert numbers_in(request.SerializeToString(), 64) == 1


def test_numbers_one_by_one_are_counted() -> None:
    contents = {"uint_contents": [7] * 300}
    request = inference["ModelInferRequest"](inputs=[{"shape": [300], "contents": contents}])
    assert numbers_in(request.SerializeToString(), 4) == 302


def test_many_numbers_are_refused() -> None:
    contents = {"uint_contents": [7] * (MOST_NUMBERS + 1)}
    request = inference["ModelInferRequest"](inputs=[{"contents": contents}])
    with pytest.raises(InvalidParameter, match="raw_input_contents"):
        numbers_in(request.SerializeToString(), 4)


@pytest.mark.parametrize(
    "message",
    [
        b"\x2a\x00" * 5000,  # inputs without anything
        b"\x32\x00" * 5000,  # outputs
        b"\x22\x00" * 5000,  # parameters
        b"\x3a\x00" * 5000,  # data
        b"\x2a\xc0\xb8\x02" + b"\x22\x00" * 20_000,  # an input's parameters
        b"\x22\xc4\xb8\x02\x12\xc0\xb8\x02" + b"\x08\x01" * 20_000,  # one value, again and again
        b"\x2a\xc4\xb8\x02\x2a\xc0\xb8\x02" + b"\x18\x00" * 20_000,  # numbers, each with its tag
    ],
)
def test_many_fields_are_refused_wherever_they_are(message: bytes) -> None:
    with pytest.raises(InvalidParameter, match="too many fields"):
        numbers_in(message, 64)


@pytest.mark.parametrize(
    "message",
    [
        b"\x0b",  # a group
        b"\x2a",  # no length
        b"\x2a\x05ab",  # cut short
        b"\x09\x00",  # eight bytes that are one
        b"\x0d\x00",  # four
        b"\x80" * 11,  # a number without end
        b"\x08",  # no number
    ],
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidParameter, match="malformed"):
        numbers_in(message, 64)


def test_fields_of_other_kinds_are_passed_over() -> None:
    unknown = b"\x79" + bytes(8) + b"\x7d" + bytes(4) + b"\x78\x01"
    assert numbers_in(unknown, 64) == 0
