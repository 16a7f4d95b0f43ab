"""The body of an inference by the Open Inference Protocol over REST: JSON, then tensors' bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from booth_client.errors import InvalidParameter, TooLarge
from service.memory import Reservation
from service.web.body import apart
from service.web.instances import JSON_COPIES, count_up_to, from_base64
from service.web.tensors import (
    InputTensor,
    Parameter,
    RequestedOutput,
    photographs,
    requested_output,
    top_k,
)

__all__ = ["InferRequest", "read_infer_request"]

# What JSON may hold in all: the pixels of 590 x 590, or of 256 x 256 with a list for each. They are
# parsed in 50 ms, during which nobody else is answered; as bytes they cost nothing.
_MOST_VALUES, _MOST_LISTS = 1 << 20, 70_000
# Bytes that a value, a list and an object take when they are parsed, whatever is in them.
_VALUE_BYTES, _LIST_BYTES, _OBJECT_BYTES, _NAME_BYTES = 64, 96, 240, 160
_MOST_OBJECTS, _MOST_NAMES = 1000, 10_000
_PARSED = {
    b",": (_MOST_VALUES, _VALUE_BYTES),
    b"[": (_MOST_LISTS, _LIST_BYTES),
    b"{": (_MOST_OBJECTS, _OBJECT_BYTES),
    b":": (_MOST_NAMES, _NAME_BYTES),
}

_MOST_ID = 1000  # characters
_MOST_DIGITS = 10
_MOST_LEVELS = 4  # of nested lists: N, H, W, 3
_MOST_SIDES = 16  # of a shape
_EXAMPLE = (
    '{"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["<base64>"]}]}'
)


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What a request asks.

    Attributes:
        photos: the photographs.
        id: that the answer has as well; None where there is none.
        parameters: of the request.
        outputs: that are asked for.
        in_bytes: whether each of them is wanted in bytes.

    """

    photos: list[bytes]
    id: str | None
    parameters: Mapping[str, Parameter]
    outputs: list[RequestedOutput]
    in_bytes: list[bool]


async def read_infer_request(
    *, body: bytes, reservation: Reservation, json_bytes: str | None, max_photos: int
) -> InferRequest:
    """Take a body apart.

    Args:
        body: its bytes.
        reservation: has the body's bytes, and has the photographs' afterwards.
        json_bytes: the header that says how many of them are JSON; None where all are.
        max_photos: the most that it may hold.

    Raises:
        InvalidParameter: it is not as the protocol has it, or asks for what there isn't.
        TooLarge: its JSON has too many values.
        TooManyPhotos: there are too many.
        Overloaded: there is no memory free to take it apart.

    """
    size = _json_size(json_bytes, len(body))
    reservation.resize(_memory(body, size))
    asked = await apart(reservation.client, len(body), _parsed, body, size, max_photos)
    reservation.resize(sum(map(len, asked.photos)))
    return asked


def _json_size(header: str | None, whole: int) -> int:
    if header is None:
        return whole
    text = header.strip()
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and int(text) <= whole:
        return int(text)
    raise InvalidParameter(
        f"Inference-Header-Content-Length is {text[:32]!r}; it must be the bytes of the JSON that "
        f"the body begins with, which has {whole} in all, before any compression."
    )


def _memory(body: bytes, size: int) -> int:
    """Bytes that the body and what is made of it hold together for a moment."""
    parsed = 0
    for mark, (most, each) in _PARSED.items():
        count = count_up_to(most, body, mark, size)
        if count > most:
            raise TooLarge(
                f"The JSON has more than {_MOST_VALUES:,} values, {_MOST_LISTS:,} lists, "
                f"{_MOST_OBJECTS:,} objects or {_MOST_NAMES:,} names; send the tensor as binary "
                "data, or smaller."
            )
        parsed += count * each
    return JSON_COPIES * size + parsed + 2 * (len(body) - size)


def _parsed(body: bytes, size: int, max_photos: int) -> InferRequest:
    whole = memoryview(body)
    try:
        fields = orjson.loads(whole[:size])
    except orjson.JSONDecodeError:
        raise InvalidParameter(
            f"The JSON is malformed; send {_EXAMPLE}, and what is not JSON behind as many bytes as "
            "Inference-Header-Content-Length says."
        ) from None
    if not isinstance(fields, dict):
        raise InvalidParameter(f"The JSON must be an object, such as {_EXAMPLE}.")
    parameters = _parameters(fields, "the request")
    tensors = list(_inputs(fields, whole[size:]))
    outputs, in_bytes = _outputs(fields, parameters)
    return InferRequest(
        photographs(tensors, max_photos), _id(fields), parameters, outputs, in_bytes
    )


def _id(fields: Mapping[str, Any]) -> str | None:
    given = fields.get("id")
    if given is None or (isinstance(given, str) and len(given) <= _MOST_ID):
        return given
    raise InvalidParameter(f"id must be a string of at most {_MOST_ID} characters.")


def _parameters(of: Mapping[str, Any], what: str) -> Mapping[str, Parameter]:
    given = of.get("parameters")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidParameter(f"The parameters of {what} must be an object.")
    return given


def _objects(fields: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    given = fields.get(name) or []
    if isinstance(given, list) and all(isinstance(one, dict) for one in given):
        return given
    raise InvalidParameter(f"{name} must be a list of objects; send {_EXAMPLE}.")


def _inputs(fields: Mapping[str, Any], rest: memoryview) -> Iterator[InputTensor]:
    """The inputs; the bytes of those that have some follow one another in the ``rest``."""
    at = 0
    for one in _objects(fields, "inputs"):
        name, datatype = _text(one, "name"), _text(one, "datatype")
        size = _parameters(one, "an input").get("binary_data_size")
        data: Any
        if size is None:
            data = _elements(one, name, datatype)
        elif "data" in one or type(size) is not int or size < 0:
            raise InvalidParameter(
                "An input has either data or binary_data_size, which is a count of bytes; send one."
            )
        else:
            data = rest[at : at + size]
            at += size
        yield InputTensor(name, datatype, _shape(one), data)
    if at != len(rest):
        raise InvalidParameter(
            f"Behind the JSON there are {len(rest)} bytes, but the inputs' binary_data_size add up "
            f"to {str(at)[:32]}; they must be equal."
        )


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    if isinstance(value, str):
        return value
    raise InvalidParameter(f"An input or output has no {name}, which is a string; send {_EXAMPLE}.")


def _shape(one: Mapping[str, Any]) -> Sequence[int]:
    given = one.get("shape")
    if isinstance(given, list) and len(given) <= _MOST_SIDES:
        sides = [side for side in given if type(side) is int]
        if len(sides) == len(given):
            return sides
    raise InvalidParameter("The shape of an input must be a list of whole numbers, such as [1].")


def _elements(one: Mapping[str, Any], name: str, datatype: str) -> list[Any]:
    """An input's data in JSON, row by row; those of BYTES stand in base64."""
    data = one.get("data")
    if not isinstance(data, list):
        raise InvalidParameter(
            "An input has neither data, which is a list, nor binary_data_size; send one of them."
        )
    flat = _flat(data)
    if datatype != "BYTES":
        return flat
    return [from_base64(text, f"{name[:32]}[{index}]") for index, text in enumerate(flat)]


def _flat(data: list[Any]) -> list[Any]:
    for _ in range(_MOST_LEVELS - 1):
        if not (data and all(type(row) is list for row in data)):
            break
        data = list(itertools.chain.from_iterable(data))
    return data


def _outputs(
    fields: Mapping[str, Any], parameters: Mapping[str, Parameter]
) -> tuple[list[RequestedOutput], list[bool]]:
    """The outputs that are wanted, and which of them in bytes: their own word counts first."""
    count = top_k(parameters)
    all_in_bytes = _flag(parameters, "binary_data_output", default=False)
    outputs: dict[str, RequestedOutput] = {}
    in_bytes = []
    for one in _objects(fields, "outputs"):
        own = _parameters(one, "an output")
        output = requested_output(_text(one, "name"), own, count)
        if outputs.setdefault(output.name, output) is not output:
            raise InvalidParameter(f"The output {output.name!r} is asked for twice; name it once.")
        in_bytes.append(_flag(own, "binary_data", default=all_in_bytes))
    if not outputs:
        return [RequestedOutput(classification=count)], [all_in_bytes]
    return list(outputs.values()), in_bytes


def _flag(parameters: Mapping[str, Parameter], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if isinstance(value, bool):
        return value
    raise InvalidParameter(f"{name} must be true or false.")
