"""Reads some of an ONNX file, and adds to it, without the package onnx, which no service needs.

A file is one message of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/); its
fields are numbered in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Of two
messages one behind the other the lists are joined: what is appended to a file joins its graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FLOAT",
    "TYPES",
    "Attribute",
    "GraphParts",
    "Node",
    "added",
    "computing",
    "node",
    "read_graph",
    "read_tensor",
    "tensor_shape",
    "with_free_sizes",
    "with_outputs",
    "without_loop",
]

FLOAT = 1  # TensorProto.DataType
TYPES: dict[int, type[np.generic]] = {
    FLOAT: np.float32,
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
}
_GRAPH, _NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 7, 1, 5, 11, 12, 13
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_INT, _INTS = 2, 7  # AttributeProto.AttributeType
# Where TensorProto has numbers if not in raw_data: packed ones, and those of variable length.
_PACKED = {4: np.float32, 10: np.float64}
_VARYING = {5, 7, 11}

Attribute = int | float | str | list[int] | list[float] | memoryview


@dataclass(frozen=True, slots=True)
class Node:
    """An operator.

    Attributes:
        kind: its name in ONNX, such as Conv.
        inputs: names of values; an empty one where an optional one is left out.
        outputs: likewise.
        attributes: by name; of a tensor, or of a graph, the message unread.

    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict)

    def number(self, name: str, default: int = 0) -> int:
        """An attribute that is a whole number."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default

    def real(self, name: str, default: float = 0.0) -> float:
        """An attribute that is a number."""
        value = self.attributes.get(name, default)
        return float(value) if isinstance(value, int | float) else default

    def numbers(self, name: str, default: Sequence[int] = ()) -> list[int]:
        """An attribute that is a list of whole numbers."""
        value = self.attributes.get(name)
        return [int(one) for one in value] if isinstance(value, list) else list(default)

    def text(self, name: str, default: str = "") -> str:
        """An attribute that is text."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else default


@dataclass(frozen=True, slots=True)
class GraphParts:
    """Some of a graph.

    Attributes:
        tensors: its constants, unread, by their names.
        outputs: the shapes of its outputs; 0 stands for a side that the file does not say.
        inputs: likewise of its inputs.
        operators: its operators, unread, in their order.

    """

    tensors: dict[str, memoryview] = field(default_factory=dict)
    outputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    operators: list[memoryview] = field(default_factory=list)

    def array(self, name: str) -> NDArray[Any]:
        """The values of a constant.

        Raises:
            ValueError: it is of a type that numpy has not, or in another file.

        """
        return read_tensor(self.tensors[name])

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a constant."""
        return tensor_shape(self.tensors[name])

    def nodes(self) -> list[Node]:
        """Its operators, read."""
        return [_node(one) for one in self.operators]

    def add(self, graph: memoryview) -> None:
        """Take in what a message has."""
        for number, value in _fields(graph):
            if number == _NODE:
                self.operators.append(value)
            elif number == _INITIALIZER:
                self.tensors[_text(value, 8)] = value
            elif number == _INPUT:
                self.inputs[_text(value, 1)] = tuple(_sides(value))
            elif number == _OUTPUT:
                self.outputs[_text(value, 1)] = tuple(_sides(value))


def read_graph(content: bytes | memoryview) -> GraphParts:
    """The constants, operators, inputs and outputs of a model file.

    Raises:
        ValueError, IndexError: it is no such file.

    """
    parts = GraphParts()
    for graph in _all(memoryview(content), _GRAPH):
        parts.add(graph)
    return parts


def tensor_shape(tensor: memoryview) -> tuple[int, ...]:
    """The shape of an unread constant."""
    return tuple(_integers(tensor, 1))


def read_tensor(tensor: memoryview) -> NDArray[Any]:
    """The values of an unread constant.

    Raises:
        ValueError: it is of a type that numpy has not, or in another file.

    """
    kind = next(_integers(tensor, 2), FLOAT)
    if kind not in TYPES:
        raise ValueError(f"{_text(tensor, 8)} is of type {kind}")
    return _flat(tensor, np.dtype(TYPES[kind])).reshape(tensor_shape(tensor))


def _flat(tensor: memoryview, kind: np.dtype[Any]) -> NDArray[Any]:
    for number, value in _fields(tensor):
        if number == 9:  # noqa: PLR2004 (raw_data)
            return np.frombuffer(value, kind)
        if number in _PACKED:
            parts = [bytes(one) for one in _all(tensor, number)]
            return np.frombuffer(b"".join(parts), _PACKED[number]).astype(kind)
        if number in _VARYING:
            values = np.array(list(map(_signed, _integers(tensor, number))))
            # The bits of a half are stored as a whole number.
            is_half = kind == np.float16
            return values.astype(np.uint16).view(kind) if is_half else values.astype(kind)
        if number == 13:  # noqa: PLR2004 (external_data)
            raise ValueError(f"{_text(tensor, 8)} is in another file")
    return np.zeros(0, kind)


def _node(message: memoryview) -> Node:
    texts: dict[int, list[str]] = {1: [], 2: [], 4: []}
    attributes: dict[str, Attribute] = {}
    for number, value in _fields(message):
        if number in texts:
            texts[number].append(bytes(value).decode())
        elif number == 5:  # noqa: PLR2004 (attribute)
            read = _read_attribute(value)
            if read is not None:
                attributes[_text(value, 1)] = read
    return Node("".join(texts[4]), tuple(texts[1]), tuple(texts[2]), attributes)


def _read_attribute(message: memoryview) -> Attribute | None:
    """None where it is of a kind that nobody needs."""
    if next(_integers(message, 20), 0) == _INT:
        return _signed(next(_integers(message, 3), 0))  # 0 may be left out
    found: list[Any] = []
    for number, value in _fields(message):
        if number == 4:  # noqa: PLR2004 (s)
            return bytes(value).decode(errors="replace")
        if number in {5, 6}:  # t and g
            return value  # type: ignore[no-any-return]
        if number == 2:  # noqa: PLR2004 (f)
            return float(np.frombuffer(value, np.float32)[0])
        if number == 7:  # noqa: PLR2004 (floats)
            found.extend(np.frombuffer(value, np.float32).tolist())
    return found or [_signed(one) for one in _integers(message, 8)]


def _signed(value: int) -> int:
    """A number of 64 bits whose first tells its sign."""
    return value - (1 << 64) if value >> 63 else value


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


def with_outputs(content: bytes, names: Iterable[str]) -> bytes:
    """A model file with some of its graph's values as further outputs, of whatever type they are.

    Args:
        content: of the file.
        names: of the values, none of which is an output.

    """
    outputs = [_field(_OUTPUT, _field(1, name.encode())) for name in names]
    return content + _field(_GRAPH, b"".join(outputs))


def computing(content: bytes, output: str) -> bytes:
    """A model file that computes one of its graph's values, and no more than that needs.

    Args:
        content: of the file.
        output: the value's name.

    """
    message = [_whole(one) for one in _fields(memoryview(content)) if one[0] != _GRAPH]
    parts = [one for part in _all(memoryview(content), _GRAPH) for one in _fields(part)]
    needed, graph = {output}, [_field(_OUTPUT, _field(1, output.encode()))]
    for number, value in reversed(parts):
        if number == _NODE and needed.intersection(_texts(value, 2)):
            needed.update(_texts(value, 1))
            graph.append(_field(_NODE, value))
    for number, value in reversed(parts):
        is_used = number == _INITIALIZER and _text(value, 8) in needed
        if is_used or number not in {_NODE, _INITIALIZER, _OUTPUT, _VALUE_INFO}:
            graph.append(_whole((number, value)))
    return b"".join([*message, _field(_GRAPH, b"".join(reversed(graph)))])


def _texts(message: memoryview, wanted: int) -> list[str]:
    return [bytes(value).decode() for value in _all(message, wanted)]


def without_loop(content: bytes | memoryview) -> bytes | memoryview:
    """A model file for one photograph, where its network stands in a loop over photographs.

    Any other file as it is. The values of such a network have their names in the new file.
    """
    parts = read_graph(content)
    loops = [one for one in parts.nodes() if one.kind == "Scan"]
    if len(parts.operators) != 1 or len(loops) != 1:
        return content
    ((photo, output), body) = (*loops[0].inputs, *loops[0].outputs), loops[0].attributes["body"]
    assert isinstance(body, memoryview)  # noqa: S101 (a Scan has one)
    inner = GraphParts()
    inner.add(body)
    graph = [
        _field(_NODE, node("Identity", [photo], *inner.inputs)),
        *(_field(_NODE, one) for one in inner.operators),
        # It answers K numbers, the file 1 x K.
        _field(_NODE, node("Flatten", [*inner.outputs], output, axis=0)),
        *(_field(_INITIALIZER, one) for one in (*parts.tensors.values(), *inner.tensors.values())),
        *(
            _field(number, value)
            for one in _all(memoryview(content), _GRAPH)
            for number, value in _fields(one)
            if number in {_INPUT, _OUTPUT}
        ),
    ]
    message = [_whole(one) for one in _fields(memoryview(content)) if one[0] != _GRAPH]
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
