"""What an ``.onnx`` file holds, read and changed as bytes, without the package onnx.

A file is a protocol buffer (https://protobuf.dev/programming-guides/encoding/): fields, each a
number with what kind it is, then a number or so many bytes; onnx.proto has the numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_tensors", "with_free_sizes"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Fields of ModelProto, GraphProto, ValueInfoProto, TypeProto, TensorShapeProto and TensorProto.
_GRAPH = 7
_INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 5, 11, 12, 13
_VALUE_NAME, _VALUE_TYPE, _TENSOR_TYPE = 1, 2, 1
_ELEMENT, _SHAPE, _DIMENSION, _DIMENSION_NAME = 1, 2, 1, 2
_TENSOR_DIMENSION, _TENSOR_ELEMENT, _TENSOR_FLOATS, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 4, 8, 9

# The types of elements (TensorProto.DataType) that weights have.
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    3: np.dtype("i1"),
    6: np.dtype("<i4"),
    10: np.dtype("<f2"),
}
_FLOAT = 1


class _Field(NamedTuple):
    """One field: its number, its value where that is a number, its payload, and all its bytes."""

    number: int
    value: int
    payload: memoryview
    whole: memoryview


def read_tensors(content: bytes, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """The initializers of these names, as far as the file holds them in itself.

    Raises:
        ValueError: the file is damaged.

    """
    found = {}
    for field in _fields(_graph_of(content)):
        if field.number == _INITIALIZER and (name := _text(field.payload, _TENSOR_NAME)) in names:
            tensor = _tensor(field.payload)
            if tensor is not None:
                found[name] = tensor
    return found


def with_free_sizes(content: bytes, inputs: Mapping[str, int], outputs: Collection[str]) -> bytes:
    """The file with inputs of any size in each dimension, and no outputs but some.

    Args:
        content: of the file.
        inputs: of each input whose shape becomes free, the number of dimensions.
        outputs: names of those that stay, of any shape.

    Raises:
        ValueError: the file is damaged.

    """
    parts: list[bytes | memoryview] = []
    for field in _fields(_graph_of(content)):
        if field.number == _OUTPUT and _text(field.payload, _VALUE_NAME) in outputs:
            parts.append(_encoded(_OUTPUT, _reshaped(field.payload, None)))
        elif field.number == _INPUT and (name := _text(field.payload, _VALUE_NAME)) in inputs:
            parts.append(_encoded(_INPUT, _reshaped(field.payload, inputs[name])))
        elif field.number not in {_OUTPUT, _VALUE_INFO}:
            parts.append(field.whole)
    graph = _encoded(_GRAPH, b"".join(parts))
    others = (one.whole for one in _fields(memoryview(content)) if one.number != _GRAPH)
    return b"".join([*others, graph])


def _graph_of(content: bytes) -> memoryview:
    for field in _fields(memoryview(content)):
        if field.number == _GRAPH:
            return field.payload
    raise ValueError("The file has no graph.")


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        number, kind, value, payload = key >> 3, key & 7, 0, message[:0]
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind in {_BYTES, _FIXED32, _FIXED64}:
            size = {_FIXED32: 4, _FIXED64: 8}.get(kind)
            if size is None:
                size, at = _varint(message, at)
            payload, at = message[at : at + size], at + size
        else:
            raise ValueError("The file has a field of a kind that there is none of.")
        if at > len(message):
            raise ValueError("The file ends within a field.")
        yield _Field(number, value, payload, message[start:at])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 (the highest bit says that more follows)
            return value, at
        shift += 7
    raise ValueError("The file ends within a number.")


def _text(message: memoryview, number: int) -> str:
    return next((bytes(f.payload).decode() for f in _fields(message) if f.number == number), "")


def _tensor(message: memoryview) -> NDArray[Any] | None:
    """A tensor; None where it is of another type, or stands in another file."""
    shape: list[int] = []
    element = 0
    raw: memoryview | None = None
    for field in _fields(message):
        if field.number == _TENSOR_DIMENSION:
            shape += _numbers(field)
        elif field.number == _TENSOR_ELEMENT:
            element = field.value
        elif field.number == _TENSOR_RAW or (field.number == _TENSOR_FLOATS and field.payload):
            raw = field.payload
    if raw is None or element not in _DTYPES:
        return None
    return np.frombuffer(bytes(raw), _DTYPES[element]).reshape(shape)


def _numbers(field: _Field) -> Iterator[int]:
    """The numbers of a repeated field, which come one a field, or packed into one."""
    if not field.payload:
        yield field.value
    at = 0
    while at < len(field.payload):
        value, at = _varint(field.payload, at)
        yield value


def _reshaped(value_info: memoryview, dimensions: int | None) -> bytes:
    """A value's description with so many dimensions of any size; of any number where None."""
    shape = b""
    if dimensions is not None:
        named = (_encoded(_DIMENSION_NAME, f"d{number}".encode()) for number in range(dimensions))
        shape = _encoded(_SHAPE, b"".join(_encoded(_DIMENSION, one) for one in named))
    element = bytes(
        [_ELEMENT << 3 | _VARINT, _followed(value_info, (_VALUE_TYPE, _TENSOR_TYPE, _ELEMENT))]
    )
    kind = _encoded(_TENSOR_TYPE, element + shape)
    name = _encoded(_VALUE_NAME, _text(value_info, _VALUE_NAME).encode())
    return name + _encoded(_VALUE_TYPE, kind)


def _followed(message: memoryview, path: tuple[int, ...]) -> int:
    """The number at the end of a path of fields."""
    number, *deeper = path
    for field in _fields(message):
        if field.number == number:
            return _followed(field.payload, tuple(deeper)) if deeper else field.value
    return _FLOAT


def _encoded(number: int, payload: bytes) -> bytes:
    """A field of bytes."""
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(payload)) + payload


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
