"""The graph of a model file around a network of another maker: bytes in, probabilities out.

The network's own operators stay as they are. What is put around them exists in every version of
ONNX's operators from 7 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.adoption.preprocessing import GREY
from export.adoption.signature import numpy_kind
from export.adoption.walk import attribute, constants_of, graphs_of, graphs_within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx import GraphProto, ModelProto, NodeProto

    from export.adoption.outputs import Scores
    from export.adoption.preprocessing import Preprocessing

__all__ = ["batched", "one_by_one"]

_INPUT, _OUTPUT = "photo", "probabilities"
_OURS = "booth."
_NEWEST_IR = 10  # that ONNX Runtime 1.20 reads
_OLDEST_IR = 4  # in which initializers need not be inputs
_DEFAULT_OPSET = 13


class _Writer:
    """Operators and constants, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, kind: str, inputs: list[str], output: str | None = None, **how: Any) -> str:
        """Add an operator; its output has the name that is given, or one of its own."""
        output = output or f"{_OURS}{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **how))
        return output

    def constant(self, values: object, kind: str) -> str:
        """Add a constant."""
        name = f"{_OURS}constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, kind), name))
        return name


def batched(network: ModelProto, wanted: Preprocessing, scores: Scores) -> ModelProto:
    """The network with as many photographs a run as there are.

    Where its batch is fixed, shapes that name it are loosened, as far as that can be seen: whether
    it then answers alike has to be proven.
    """
    model = _copy(network)
    if wanted.photo.batch:
        _loosen(model.graph, wanted.photo.batch)
    before, after = _surroundings(model.graph, wanted, scores, _INPUT, _OUTPUT)
    nodes = [*before.nodes, *model.graph.node, *after.nodes]
    return _finished(model, nodes, [*before.constants, *after.constants], wanted, scores)


def one_by_one(network: ModelProto, wanted: Preprocessing, scores: Scores) -> ModelProto:
    """The network in a loop over the photographs, each of which it sees alone."""
    model = _copy(network)
    one, alone, row, numbers = (f"{_OURS}{name}" for name in ("one", "alone", "row", "numbers"))
    side = wanted.input.size
    before, after = _surroundings(model.graph, wanted, scores, alone, row)
    reshaped = _Writer()
    shape = np.array([1, side, side, 3], np.int64)
    reshaped.constants.append(numpy_helper.from_array(shape, f"{_OURS}square"))
    reshaped.add("Reshape", [one, f"{_OURS}square"], alone)
    after.constants.append(
        numpy_helper.from_array(np.array([scores.labels], np.int64), f"{_OURS}labels")
    )
    after.add("Reshape", [row, f"{_OURS}labels"], numbers)
    body = helper.make_graph(
        [*reshaped.nodes, *before.nodes, *model.graph.node, *after.nodes],
        "one",
        [helper.make_tensor_value_info(one, TensorProto.UINT8, [side, side, 3])],
        [helper.make_tensor_value_info(numbers, TensorProto.FLOAT, [scores.labels])],
    )
    loop = helper.make_node("Scan", [_INPUT], [_OUTPUT], body=body, num_scan_inputs=1)
    constants = [*reshaped.constants, *before.constants, *after.constants]
    return _finished(model, [loop], constants, wanted, scores)


def _surroundings(
    graph: GraphProto, wanted: Preprocessing, scores: Scores, source: str, output: str
) -> tuple[_Writer, _Writer]:
    """What stands before the network and behind it; the network's names are made its own."""
    names = _private(graph)
    before, after = _Writer(), _Writer()
    _write_input(before, source, wanted, names.get(wanted.photo.name, wanted.photo.name))
    _write_output(after, names.get(scores.name, scores.name), scores, output)
    return before, after


def _copy(network: ModelProto) -> ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(network)
    return model


def _write_input(writer: _Writer, name: str, wanted: Preprocessing, output: str) -> None:
    """From bytes, N x S x S x 3, to what the network takes; as `Preprocessing` does."""
    photo = wanted.photo
    wide = "float64" if photo.kind == "float64" else "float32"
    if wanted.bgr and photo.channels > 1:
        name = writer.add("Gather", [name, writer.constant([2, 1, 0], "int64")], axis=3)
    if not photo.takes_bytes or photo.channels == 1:
        name = writer.add("Cast", [name], to=numpy_kind(wide))
    if photo.channels == 1:
        name = _write_grey(writer, name, wide)
    if not photo.takes_bytes:
        name = _write_scale(writer, name, wanted, wide)
    if photo.layout == "nchw":
        name = writer.add("Transpose", [name], perm=[0, 3, 1, 2])
    if photo.flat:
        name = writer.add("Flatten", [name], axis=1)
    if photo.kind not in (wide, "uint8") or photo.channels == 1:
        name = writer.add("Cast", [name], to=numpy_kind(photo.kind))
    writer.add("Identity", [name], output)


def _write_grey(writer: _Writer, name: str, wide: str) -> str:
    weighed = writer.add("MatMul", [name, writer.constant(GREY.reshape(3, 1), wide)])
    rounded = writer.add("Add", [weighed, writer.constant(32768, wide)])
    return writer.add("Floor", [writer.add("Div", [rounded, writer.constant(65536, wide)])])


def _write_scale(writer: _Writer, name: str, wanted: Preprocessing, wide: str) -> str:
    order = slice(None, None, -1) if wanted.bgr else slice(None)
    mean = wanted.mean[: wanted.photo.channels][order]
    std = wanted.std[: wanted.photo.channels][order]
    if any(mean):
        name = writer.add("Sub", [name, writer.constant(mean, wide)])
    if set(std) != {1.0}:
        name = writer.add("Div", [name, writer.constant(std, wide)])
    return name


def _write_output(writer: _Writer, name: str, scores: Scores, output: str) -> str:
    """From the network's numbers to N x K probabilities in float32; as `Scores` does."""
    shape = np.array([-1, scores.count], np.int64)
    writer.constants.append(numpy_helper.from_array(shape, f"{_OURS}rows"))
    name = writer.add("Reshape", [name, f"{_OURS}rows"], f"{_OURS}scores")
    name = writer.add("Cast", [name], f"{_OURS}scores.float", to=TensorProto.FLOAT)
    if scores.count == 1:
        if scores.meaning == "logits":
            name = writer.add("Sigmoid", [name], f"{_OURS}second")
        writer.constants.append(numpy_helper.from_array(np.ones(1, np.float32), f"{_OURS}1"))
        first = writer.add("Sub", [f"{_OURS}1", name], f"{_OURS}first")
        return writer.add("Concat", [first, name], output, axis=1)
    if scores.meaning == "logits":
        return writer.add("Softmax", [name], output, axis=1)
    kind = "Exp" if scores.meaning == "log probabilities" else "Identity"
    return writer.add(kind, [name], output)


def _private(graph: GraphProto) -> dict[str, str]:
    """Rename the network's values that have names of ours; from their old names to the new."""
    clash: dict[str, str] = {}

    def renamed(name: str) -> str:
        if name in (_INPUT, _OUTPUT) or name.startswith(_OURS):
            clash[name] = f"network.{name}"
        return clash.get(name, name)

    for each in graphs_of(graph):
        for node in each.node:
            node.input[:] = [renamed(name) for name in node.input]
            node.output[:] = [renamed(name) for name in node.output]
        for named in (*each.initializer, *each.input, *each.output, *each.value_info):
            named.name = renamed(named.name)
        for sparse in each.sparse_initializer:
            sparse.values.name = renamed(sparse.values.name)
    return clash


def _loosen(graph: GraphProto, batch: int) -> None:
    """Write shapes that begin with the batch as shapes of any batch.

    What is reshaped without the photograph has its shape stored, and is left alone.
    """
    constants = constants_of(graph)
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[0] in constants:
            continue
        shape = constants.get(node.input[1])
        if shape is None or not shape.size or shape.reshape(-1)[0] != batch:
            continue
        loose = shape.astype(np.int64).reshape(-1).copy()
        loose[0] = 0 if -1 in loose else -1
        if loose[0] == 0 and attribute(node, "allowzero", 0):
            continue
        name = f"{node.output[0]}.shape"
        graph.initializer.append(numpy_helper.from_array(loose, name))
        node.input[1] = name


def _needed(nodes: Iterable[NodeProto], wanted: str) -> list[NodeProto]:
    """The operators that a value depends on, in their order."""
    needed, kept = {wanted}, []
    for node in reversed(list(nodes)):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
            for inner in graphs_within(node):
                needed.update(name for one in inner.node for name in one.input)
                needed.update(value.name for value in inner.output)
    return kept[::-1]


def _finished(
    model: ModelProto,
    nodes: list[NodeProto],
    constants: list[TensorProto],
    wanted: Preprocessing,
    scores: Scores,
) -> ModelProto:
    """The model with the input and the output of every model file, and nothing of its maker's."""
    graph, side = model.graph, wanted.input.size
    nodes = _needed(nodes, _OUTPUT)
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:], model.metadata_props[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    _drop_unused(graph)
    photo = helper.make_tensor_value_info(_INPUT, TensorProto.UINT8, ["N", side, side, 3])
    graph.input.append(photo)
    graph.output.append(
        helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["N", scores.labels])
    )
    model.ir_version = min(max(model.ir_version, _OLDEST_IR), _NEWEST_IR)
    if not any(one.domain in ("", "ai.onnx") for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", _DEFAULT_OPSET))
    return model


def _drop_unused(graph: GraphProto) -> None:
    used = {name for each in graphs_of(graph) for node in each.node for name in node.input}
    used |= {value.name for each in graphs_of(graph) for value in each.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
