"""What a network takes: which of its inputs is the photograph, and how that is laid out."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from onnx import TensorProto, helper

from export.adoption.original import AdoptionError
from export.adoption.walk import attribute, shape_of, takers

if TYPE_CHECKING:
    from onnx import ValueInfoProto

    from export.adoption.original import Original

__all__ = ["Layout", "PhotoInput", "numpy_kind", "photo_input"]

Layout: TypeAlias = Literal["nchw", "nhwc"]

_COLOURS = (3, 1)
_LEAST_SIDE = 8  # of a square told by the length of a row: tables often have 4 or 12 columns
_NUMBERS: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.DOUBLE: "float64",
    TensorProto.UINT8: "uint8",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
}

_ROW, _SQUARE = 2, 4  # dimensions: N x D, or N x 3 x S x S
_TOKENS = {TensorProto.INT32, TensorProto.INT64}


@dataclass(frozen=True, slots=True)
class PhotoInput:
    """The input that takes the photograph.

    Attributes:
        name: Its name.
        kind: Type of its numbers, as numpy calls it.
        layout: Whether the colours come before the rows, or last.
        flat: Whether a photograph is one row of numbers, in the order of ``layout``.
        channels: 3, or 1 where the network sees grey.
        size: S, the side of the square; None where it may be any.
        batch: Photographs that are run together; None where it may be any number.

    """

    name: str
    kind: str
    layout: Layout
    flat: bool
    channels: int
    size: int | None
    batch: int | None

    @property
    def takes_bytes(self) -> bool:
        """Whether pixels go in as the integers that they are."""
        return not self.kind.startswith("float")

    @property
    def shape(self) -> str:
        """Its form, for people."""
        side = self.size or "S"
        sides = [self.channels, side, side] if self.layout == "nchw" else [side, side, 1]
        if self.layout == "nhwc":
            sides[-1] = self.channels
        text = " x ".join(map(str, [self.batch or "N", *sides]))
        return f"{self.kind} {text}{', in one row' if self.flat else ''}"


def photo_input(original: Original, layout: Layout | None = None) -> PhotoInput:
    """Find the input.

    Args:
        original: The network.
        layout: What to believe where the shape says nothing.

    Raises:
        AdoptionError: It takes something else than a photograph.

    """
    value = _only_input(original)
    name, kind = value.name, value.type.tensor_type.elem_type
    shape = shape_of(value)
    if shape is None:
        shape = [None] * 4
    allowed = {_ROW: _NUMBERS.keys() - _TOKENS, _SQUARE: _NUMBERS.keys()}
    if kind not in allowed.get(len(shape), ()):
        raise _no_photograph(original, name, _form(kind, shape))
    batch, *sides = shape
    if len(shape) == _ROW:
        layout = layout or "nhwc"
        channels, size = _of_a_row(original, name, sides[0])
    else:
        layout = _layout(original, name, sides, layout)
        channels, size = _of_a_square(original, name, sides, layout)
    return PhotoInput(name, _NUMBERS[kind], layout, len(shape) == _ROW, channels, size, batch)


def _only_input(original: Original) -> ValueInfoProto:
    inputs = original.model.graph.input
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise AdoptionError(
            f"{original.path.name} takes {len(inputs) or 'no'} inputs{names and f' ({names})'}, "
            "where a classifier of photographs takes one: the photograph."
        )
    if inputs[0].type.WhichOneof("value") != "tensor_type":
        raise _no_photograph(original, inputs[0].name, inputs[0].type.WhichOneof("value"))
    value: ValueInfoProto = inputs[0]
    return value


def _no_photograph(original: Original, name: str, what: object) -> AdoptionError:
    return AdoptionError(
        f"The input {name!r} of {original.path.name} is {what}, and not N x 3 x S x S or "
        "N x S x S x 3, as photographs are: it classifies text, sound or tables, or not at all."
    )


def _form(kind: int, shape: list[int | None]) -> str:
    number = "text" if kind == TensorProto.STRING else _NUMBERS.get(kind, "of another type")
    return f"{number} {' x '.join(str(side or 'N') for side in shape) or '(one number)'}"


def _layout(original: Original, name: str, sides: list[int | None], given: Layout | None) -> Layout:
    """By the shape, where one end of it can't be a side; then as asked for; then by the graph."""
    first, last = sides[0] in _COLOURS, sides[2] in _COLOURS
    by_shape: Layout | None = None
    if first != last:
        by_shape = "nchw" if first else "nhwc"
    if given and by_shape and given != by_shape:
        raise AdoptionError(
            f"The input {name!r} of {original.path.name} is N x {_dims(sides)}, which is "
            f"{by_shape}; leave --layout out."
        )
    return given or by_shape or _layout_by_the_graph(original, name)


def _layout_by_the_graph(original: Original, name: str) -> Layout:
    """Channels come last where the first thing done is to put them first."""
    for node in takers(original.model.graph).get(name, []):
        if node.op_type == "Transpose" and attribute(node, "perm") == [0, 3, 1, 2]:
            return "nhwc"
    return "nchw"


def _of_a_square(
    original: Original, name: str, sides: list[int | None], layout: Layout
) -> tuple[int, int | None]:
    channels, rows, columns = sides if layout == "nchw" else [sides[2], *sides[:2]]
    if channels not in (*_COLOURS, None):
        raise AdoptionError(
            f"The input {name!r} of {original.path.name} is N x {_dims(sides)}: {channels} "
            "channels, where a photograph has 3, or 1 if grey."
        )
    if rows and columns and rows != columns:
        raise AdoptionError(
            f"The input {name!r} of {original.path.name} is {columns} pixels wide and {rows} high; "
            "Booth shows networks squares."
        )
    return channels or 3, rows or columns


def _of_a_row(original: Original, name: str, length: int | None) -> tuple[int, int | None]:
    if length is None:
        return 3, None
    for channels in _COLOURS:
        side = isqrt(length // channels)
        if side * side * channels == length and side >= _LEAST_SIDE:
            return channels, side
    raise AdoptionError(
        f"The input {name!r} of {original.path.name} is a row of {length} numbers, which are no "
        "square of pixels (3 x S x S, or S x S if grey): it classifies tables, or features that "
        "another program makes."
    )


def _dims(sides: list[int | None]) -> str:
    return " x ".join(str(side or "S") for side in sides)


def numpy_kind(kind: str) -> int:
    """ONNX's number for a type as numpy calls it."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(kind))
