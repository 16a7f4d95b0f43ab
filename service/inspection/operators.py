"""What ONNX's operators give: the shapes of their outputs, and the values of what is constant.

https://onnx.ai/onnx/operators/ describes them. Those of networks that label photographs are here;
of any other, the output is taken to have its inputs' shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.inspection.receptive_field import window_of
from service.runtimes.onnx_file import TYPES, Node, read_tensor

__all__ = ["Shape", "Value", "evaluated", "output_shapes", "whole"]

Shape = tuple[int, ...]
Value = NDArray[Any] | None  # None: it depends on the photograph

_Rule = Callable[[Node, Sequence[Shape], Sequence[Value]], Sequence[Shape]]


def whole(value: Value) -> list[int]:
    """The whole numbers of a constant."""
    if value is None:
        raise ValueError("a shape depends on the photograph")
    return [int(one) for one in value.reshape(-1)]


def output_shapes(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    """The shapes of an operator's outputs.

    Args:
        node: the operator.
        shapes: of its inputs; () where one is left out.
        values: of its inputs, where they are constant.

    """
    return _RULES.get(node.kind, _broadcast)(node, shapes, values)


def _broadcast(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return [np.broadcast_shapes(*shapes)]


def _first(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    return [shapes[0]] * len(node.outputs)


def _convolved(node: Node, image: Shape, weight: Shape) -> Sequence[Shape]:
    windows = window_of(node, image[2:], weight[2:])
    sides = (one.count(side) for one, side in zip(windows, image[2:], strict=True))
    return [(image[0], weight[0], *sides)]


def _conv(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    return _convolved(node, shapes[0], shapes[1])


def _quantised_conv(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    return _convolved(node, shapes[0], shapes[3])


def _pool(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    image, ceiling = shapes[0], bool(node.number("ceil_mode"))
    windows = window_of(node, image[2:], ())
    sides = zip(windows, image[2:], strict=True)
    return [(*image[:2], *(one.count(side, ceiling=ceiling) for one, side in sides))]


def _global_pool(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return [(*shapes[0][:2], *(1,) * (len(shapes[0]) - 2))]


def _gemm(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    weight = shapes[3] if node.kind == "QGemm" else shapes[1]
    rows = shapes[0][::-1] if node.number("transA") else shapes[0]
    columns = weight[::-1] if node.number("transB") else weight
    return [(rows[0], columns[1])]


def _product(left: Shape, right: Shape) -> Sequence[Shape]:
    rows = left if len(left) > 1 else (1, *left)
    columns = right if len(right) > 1 else (*right, 1)
    more = np.broadcast_shapes(rows[:-2], columns[:-2])
    return [(*more, *rows[-2:-1][: len(left) - 1], *columns[-1:][: len(right) - 1])]


def _matmul(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return _product(shapes[0], shapes[1])


def _quantised_matmul(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return _product(shapes[0], shapes[3])


def _flatten(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    axis = node.number("axis", 1)
    return [(prod(shapes[0][:axis]), prod(shapes[0][axis:]))]


def _reshape(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    wanted = whole(values[1])
    if not node.number("allowzero"):
        wanted = [side or shapes[0][at] for at, side in enumerate(wanted)]
    rest = prod(side for side in wanted if side != -1) or 1
    return [tuple(prod(shapes[0]) // rest if side == -1 else side for side in wanted)]


def _transpose(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    order = node.numbers("perm", range(len(shapes[0]))[::-1])
    return [tuple(shapes[0][at] for at in order)]


def axes_of(node: Node, values: Sequence[Value], rank: int, at: int = 1) -> list[int]:
    """An operator's axes, which are an attribute or an input; none where it does not say them."""
    found = node.numbers("axes")
    if not found and len(values) > at and values[at] is not None:
        found = whole(values[at])
    return sorted(one % rank for one in found)


def _squeeze(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    axes = axes_of(node, values, len(shapes[0]))
    axes = axes or [at for at, side in enumerate(shapes[0]) if side == 1]
    return [tuple(side for at, side in enumerate(shapes[0]) if at not in axes)]


def _unsqueeze(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    count = node.numbers("axes") or whole(values[1])
    shape = list(shapes[0])
    for at in axes_of(node, values, len(shape) + len(count)):
        shape.insert(at, 1)
    return [tuple(shape)]


def _joined(axis: int, shapes: Sequence[Shape]) -> Sequence[Shape]:
    shape = list(shapes[0])
    shape[axis] = sum(one[axis] for one in shapes)
    return [tuple(shape)]


def _concat(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    return _joined(node.number("axis"), shapes)


def _quantised_concat(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    return _joined(node.number("axis"), shapes[2::3])


def _split(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    axis, count = node.number("axis"), len(node.outputs)
    sizes = node.numbers("split")
    if not sizes and len(values) > 1 and values[1] is not None:
        sizes = whole(values[1])
    part = -(-shapes[0][axis] // count)
    sizes = sizes or [min(part, shapes[0][axis] - part * at) for at in range(count)]
    return [tuple(_with(shapes[0], axis, size)) for size in sizes]


def _with(shape: Shape, axis: int, size: int) -> list[int]:
    sides = list(shape)
    sides[axis] = size
    return sides


def slices_of(node: Node, rank: int, values: Sequence[Value]) -> dict[int, slice]:
    """What a Slice takes of each axis that it names."""
    given = [node.numbers(name) for name in ("starts", "ends", "axes", "steps")]
    for at, value in enumerate(values[1:]):
        if value is not None:
            given[at] = whole(value)
    starts, ends, axes, steps = given
    axes = axes or list(range(len(starts)))
    steps = steps or [1] * len(starts)
    return {
        axis % rank: slice(start, None if step < 0 and end < -(1 << 30) else end, step)
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
    }


def _slice(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    shape = list(shapes[0])
    for axis, part in slices_of(node, len(shape), values).items():
        shape[axis] = len(range(shape[axis])[part])
    return [tuple(shape)]


def _gather(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    axis = node.number("axis") % len(shapes[0])
    return [(*shapes[0][:axis], *shapes[1], *shapes[0][axis + 1 :])]


def pads_of(node: Node, rank: int, values: Sequence[Value]) -> list[tuple[int, int]]:
    """What a Pad adds before and after each axis."""
    pads = node.numbers("pads") or whole(values[1])
    axes = list(range(rank))
    if len(values) > 3 and values[3] is not None:  # noqa: PLR2004 (the fourth input)
        axes = [one % rank for one in whole(values[3])]
    pairs = dict(zip(axes, zip(pads, pads[len(axes) :], strict=False), strict=True))
    return [pairs.get(axis, (0, 0)) for axis in range(rank)]


def _pad(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    pairs = zip(shapes[0], pads_of(node, len(shapes[0]), values), strict=True)
    return [tuple(side + before + after for side, (before, after) in pairs)]


def _expand(_: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    return [np.broadcast_shapes(shapes[0], tuple(whole(values[1])))]


def _tile(_: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    return [tuple(a * b for a, b in zip(shapes[0], whole(values[1]), strict=True))]


def _reduce(node: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    axes = axes_of(node, values, len(shapes[0])) or range(len(shapes[0]))
    kept = node.number("keepdims", 1)
    sides = enumerate(shapes[0])
    return [tuple(1 if at in axes else side for at, side in sides if kept or at not in axes)]


def _pick(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    axis = node.number("axis") % len(shapes[0])
    kept = (1,) if node.number("keepdims", 1) else ()
    return [(*shapes[0][:axis], *kept, *shapes[0][axis + 1 :])]


def _resize(_: Node, shapes: Sequence[Shape], values: Sequence[Value]) -> Sequence[Shape]:
    if len(values) > 3 and values[3] is not None:  # noqa: PLR2004 (sizes)
        return [tuple(whole(values[3]))]
    scales = values[2] if len(values) > 2 else values[1]  # noqa: PLR2004 (opset 10 has no roi)
    if scales is None:
        raise ValueError("a size depends on the photograph")
    return [tuple(int(a * b) for a, b in zip(shapes[0], scales.tolist(), strict=True))]


def _space(node: Node, shapes: Sequence[Shape], _: Sequence[Value]) -> Sequence[Shape]:
    block, (count, channels, height, width) = node.number("blocksize"), shapes[0]
    if node.kind == "DepthToSpace":
        return [(count, channels // block**2, height * block, width * block)]
    return [(count, channels * block**2, height // block, width // block)]


def _rank(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return [(len(shapes[0]),)]


def _dynamic_grid(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return [shapes[0], (), ()]


def _quantised_pair(_: Node, shapes: Sequence[Shape], __: Sequence[Value]) -> Sequence[Shape]:
    return [np.broadcast_shapes(shapes[0], shapes[3])]


_REDUCING = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
_OF_THE_FIRST = (
    *("BatchNormalization", "Cast", "Clip", "DequantizeLinear", "Dropout", "GroupNormalization"),
    *(
        "InstanceNormalization",
        "LayerNormalization",
        "ScatterND",
        "ScatterElements",
        "LRN",
        "QLinearLeakyRelu",
        "QLinearSigmoid",
    ),
    *("QuantizeLinear", "SimplifiedLayerNormalization"),
)
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(_OF_THE_FIRST, _first),
    **{f"Reduce{one}": _reduce for one in _REDUCING},
    **dict.fromkeys(("Conv", "ConvInteger", "FusedConv"), _conv),
    "QLinearConv": _quantised_conv,
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "QLinearAveragePool"), _pool),
    **dict.fromkeys(
        ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "QLinearGlobalAveragePool"),
        _global_pool,
    ),
    **dict.fromkeys(("Gemm", "QGemm"), _gemm),
    **dict.fromkeys(("MatMul", "MatMulInteger"), _matmul),
    "QLinearMatMul": _quantised_matmul,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "QLinearConcat": _quantised_concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Pad": _pad,
    "Expand": _expand,
    "Tile": _tile,
    **dict.fromkeys(("ArgMax", "ArgMin"), _pick),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _space),
    "Shape": _rank,
    "DynamicQuantizeLinear": _dynamic_grid,
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), _quantised_pair),
}


def evaluated(node: Node, values: Sequence[Value]) -> list[NDArray[Any]] | None:
    """The outputs of an operator whose inputs are constant; None where it is none of those known.

    Args:
        node: the operator.
        values: of its inputs; None where one is left out.

    """
    function = _FUNCTIONS.get(node.kind)
    return None if function is None else [np.asarray(one) for one in function(node, values)]


def _constant(node: Node, _: Sequence[Any]) -> Sequence[Any]:
    for name, kind in (("value_ints", np.int64), ("value_floats", np.float32)):
        if name in node.attributes:
            return [np.array(node.attributes[name], kind)]
    if "value_int" in node.attributes:
        return [np.array(node.number("value_int"), np.int64)]
    if "value_float" in node.attributes:
        return [np.array(node.real("value_float"), np.float32)]
    return [_tensor(node)]


def _tensor(node: Node) -> NDArray[Any]:
    message = node.attributes.get("value")
    return read_tensor(message) if isinstance(message, memoryview) else np.zeros(1, np.float32)


def _filled(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    return [np.full(whole(values[0]), _tensor(node).reshape(-1)[0])]


def _reshaped(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    (shape,) = output_shapes(node, [one.shape for one in values], values)
    return [values[0].reshape(shape)]


def _expanded(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    (shape,) = output_shapes(node, [one.shape for one in values], values)
    return [np.broadcast_to(values[0], shape)]


def _sliced(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    parts = slices_of(node, values[0].ndim, values)
    return [values[0][tuple(parts.get(at, slice(None)) for at in range(values[0].ndim))]]


def _cast(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    return [values[0].astype(TYPES[node.number("to")])]


def _divided(_: Node, values: Sequence[Any]) -> Sequence[Any]:
    left, right = values
    if np.issubdtype(left.dtype, np.integer):
        return [(np.abs(left) // np.abs(right)) * np.sign(left) * np.sign(right)]
    return [left / right]


def _transposed(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    return [values[0].transpose(node.numbers("perm") or None)]


def _dequantised(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    integers, scale, *zero = values
    shape = [1] * integers.ndim
    if scale.size > 1:
        shape[node.number("axis", 1)] = scale.size
    exact = integers.astype(np.float32)
    if zero and zero[0] is not None:
        exact = exact - zero[0].astype(np.float32).reshape(shape if zero[0].size > 1 else ())
    return [exact * scale.reshape(shape if scale.size > 1 else ())]


def _each(function: Callable[..., Any]) -> Callable[[Node, Sequence[Any]], Sequence[Any]]:
    return lambda _, values: [function(*values)]


_FUNCTIONS: dict[str, Callable[[Node, Sequence[Any]], Sequence[Any]]] = {
    "Constant": _constant,
    "ConstantOfShape": _filled,
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten"), _reshaped),
    "Expand": _expanded,
    "Slice": _sliced,
    "Cast": _cast,
    "Div": _divided,
    "Transpose": _transposed,
    "DequantizeLinear": _dequantised,
    "Concat": lambda node, values: [np.concatenate(values, node.number("axis"))],
    "Gather": lambda node, values: [np.take(values[0], values[1], node.number("axis"))],
    "Range": _each(np.arange),
    "Identity": _each(lambda one: one),
    "Add": _each(np.add),
    "Sub": _each(np.subtract),
    "Mul": _each(np.multiply),
    "Pow": _each(np.power),
    "Mod": _each(np.mod),
    "Neg": _each(np.negative),
    "Sqrt": _each(np.sqrt),
    "Reciprocal": _each(lambda one: 1 / one),
    "Floor": _each(np.floor),
    "Ceil": _each(np.ceil),
    "Max": _each(lambda *ones: reduce(np.maximum, ones)),
    "Min": _each(lambda *ones: reduce(np.minimum, ones)),
    "Equal": _each(np.equal),
    "Where": _each(np.where),
    "ReduceProd": lambda node, values: [
        np.prod(values[0], keepdims=bool(node.number("keepdims", 1)))
    ],
}
