"""Reads some of an ONNX file, and adds to it, without the package onnx, which no service needs.

A file is one message of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/); its
fields are numbered in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Of two
messages one behind the other the lists are joined: what is appended to a file joins its graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOAT", "GraphParts", "added", "node", "read_graph", "with_free_sizes"]

FLOAT = 1  # TensorProto.DataType
_TYPES: dict[int, type[np.generic]] = {
    FLOAT: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    10: np.float16,
    11: np.float64,
}
_GRAPH, _NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 7, 1, 5, 11, 12, 13
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_INT, _INTS = 2, 7  # AttributeProto.AttributeType


@dataclass(frozen=True, slots=True)
class GraphParts:
    """Some of a graph.

    Attributes:
        tensors: its constants, unread, by their names.
        outputs: the shapes of its outputs; 0 stands for a side that the file does not say.

    """

    tensors: dict[str, memoryview]
    outputs: dict[str, tuple[int, ...]]

    def array(self, name: str) -> NDArray[Any]:
        """The values of a constant whose bytes stand in the file as they are.

        Raises:
            ValueError: it is stored in another way.

        """
        shape, kind, raw = self.shape(name), FLOAT, memoryview(b"")
        for number, value in _fields(self.tensors[name]):
            if number == 2:  # noqa: PLR2004 (data_type)
                kind = value
            elif number == 9:  # noqa: PLR2004 (raw_data)
                raw = value
        if kind not in _TYPES:
            raise ValueError(f"{name} is of type {kind}")
        return np.frombuffer(raw, _TYPES[kind]).reshape(shape)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a constant."""
        return tuple(_integers(self.tensors[name], 1))


def read_graph(content: bytes) -> GraphParts:
    """The constants and outputs of a model file.

    Raises:
        ValueError, IndexError: it is no such file.

    """
    parts = GraphParts({}, {})
    for graph in _all(memoryview(content), _GRAPH):
        for number, value in _fields(graph):
            if number == _INITIALIZER:
                parts.tensors[_text(value, 8)] = value
            elif number == _OUTPUT:
                parts.outputs[_text(value, 1)] = tuple(_sides(value))
    return parts


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    """An operator, whose attributes are numbers or lists of them."""
    return b"".join(
        [
            *(_field(1, name.encode()) for name in inputs),
            _field(2, output.encode()),
            _field(3, output.encode()),
            _field(4, kind.encode()),
            *(_field(5, _attribute(name, value)) for name, value in attributes.items()),
        ]
    )


def added(content: bytes, nodes: Iterable[bytes], output: str, rank: int) -> bytes:
    """A model file with further operators, and one of their values as a float output.

    Args:
        content: the file.
        nodes: the operators, behind all that are there.
        output: the value's name.
        rank: how many sides it has.

    """
    shape = _field(1, b"") * rank
    tensor = _field(1, _number(1, FLOAT) + _field(2, shape))
    graph = [_field(_NODE, one) for one in nodes]
    graph.append(_field(_OUTPUT, _field(1, output.encode()) + _field(2, tensor)))
    return content + _field(_GRAPH, b"".join(graph))


def with_free_sizes(content: bytes, name: str, outputs: Collection[str]) -> bytes:
    """A model file whose photographs may have any size, and with no outputs but some.

    Args:
        content: of the file.
        name: of the input whose sizes become free.
        outputs: names of those that stay, whose sizes become free.

    """
    message = [_whole(one) for one in _fields(memoryview(content)) if one[0] != _GRAPH]
    graph = [
        _freed(number, value, name)
        for part in _all(memoryview(content), _GRAPH)
        for number, value in _fields(part)
        if number != _VALUE_INFO
        if number != _OUTPUT or _text(value, 1) in outputs
    ]
    return b"".join([*message, _field(_GRAPH, b"".join(graph))])


def _freed(number: int, value: Any, name: str) -> bytes:
    """A field of a graph, without the sizes if it is an output or the input of that name."""
    if number == _OUTPUT or (number == _INPUT and _text(value, 1) == name):
        return _field(number, _of_any_size(value))
    return _whole((number, value))


def _of_any_size(value_info: memoryview) -> bytes:
    """A ValueInfoProto without the sizes of its tensor's sides."""
    (tensor,) = (tensor for kind in _all(value_info, 2) for tensor in _all(kind, 1))
    element = _number(1, next(_integers(tensor, 1), FLOAT))
    shape = _field(2, _field(1, b"") * len(list(_sides(value_info))))
    return _field(1, _text(value_info, 1).encode()) + _field(2, _field(1, element + shape))


def _whole(field: tuple[int, Any]) -> bytes:
    number, value = field
    return _number(number, value) if isinstance(value, int) else _field(number, value)


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The fields' numbers and values: a number, or the bytes of text, lists and messages."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind, size = key & 7, 0
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _LENGTH:
            size, at = _varint(message, at)
        elif kind in {_EIGHT_BYTES, _FOUR_BYTES}:
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"there is no kind {kind} of field")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 (the last one)
            return value, at


def _all(message: memoryview, wanted: int) -> Iterator[Any]:
    return (value for number, value in _fields(message) if number == wanted)


def _text(message: memoryview, wanted: int) -> str:
    return next((bytes(value).decode() for value in _all(message, wanted)), "")


def _integers(message: memoryview, wanted: int) -> Iterator[int]:
    """A list of numbers, one a field or all in one."""
    for value in _all(message, wanted):
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield number


def _sides(value_info: memoryview) -> Iterator[int]:
    """The sides of a ValueInfoProto's tensor."""
    for kind in _all(value_info, 2):
        for tensor in _all(kind, 1):
            for shape in _all(tensor, 2):
                for side in _all(shape, 1):
                    yield next(_integers(side, 1), 0)


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    head = _field(1, name.encode())
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, _INT)
    return head + b"".join(_number(8, one) for one in value) + _number(20, _INTS)


def _field(number: int, value: bytes | memoryview) -> bytes:
    return b"".join([_encoded(number << 3 | _LENGTH), _encoded(len(value)), value])


def _number(number: int, value: int) -> bytes:
    return _encoded(number << 3 | _VARINT) + _encoded(value)


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:  # noqa: PLR2004 (seven bits a byte)
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
