"""torchvision's networks, written as graphs without the values of their weights.

As Booth's export does, with batch norms folded; an export of the real thing takes half a minute.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from onnx import TensorProto, helper
from torch import fx, nn

if TYPE_CHECKING:
    from collections.abc import Callable


class _Drawing:
    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.nodes: list[Any] = []
        self.weights: list[TensorProto] = []

    def add(self, kind: str, inputs: list[str], output: str, **how: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **how))
        return output

    def weight(self, name: str, shape: tuple[int, ...]) -> str:
        self.weights.append(TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT))
        return name

    def weighted(self, kind: str, source: str, name: str, layer: Any, **how: Any) -> str:
        shape = tuple(layer.weight.shape)
        inputs = [source, self.weight(f"{name}.weight", shape)]
        return self.add(kind, [*inputs, self.weight(f"{name}.bias", shape[:1])], name, **how)

    def draw(self, node: fx.Node) -> str:
        """The value that holds what a node gives."""
        inputs = [one.name for one in node.all_input_nodes]
        if node.op == "placeholder":
            self.add("Cast", ["photo"], "photo.float", to=TensorProto.FLOAT)
            return self.add("Transpose", ["photo.float"], node.name, perm=[0, 3, 1, 2])
        if node.op == "call_module":
            layer = self.module.get_submodule(str(node.target))
            return _DRAWN[type(layer)](self, inputs[0], node.name, layer)
        if node.target in {operator.add, operator.iadd}:
            return self.add("Add", inputs, node.name)
        assert node.target is torch.flatten
        return self.add("Flatten", inputs, node.name)


def _same(drawing: _Drawing, source: str, name: str, _: Any) -> str:
    return drawing.add("Identity", [source], name)


def _convolution(drawing: _Drawing, source: str, name: str, layer: Any) -> str:
    how = {"strides": layer.stride, "pads": (*layer.padding, *layer.padding)}
    return drawing.weighted("Conv", source, name, layer, group=layer.groups, **how)


def _linear(drawing: _Drawing, source: str, name: str, layer: Any) -> str:
    return drawing.weighted("Gemm", source, name, layer, transB=1)


def _max_pool(drawing: _Drawing, source: str, name: str, layer: Any) -> str:
    kernel, stride, padding = (
        [one, one] for one in (layer.kernel_size, layer.stride, layer.padding)
    )
    how = {"kernel_shape": kernel, "strides": stride, "pads": padding * 2}
    return drawing.add("MaxPool", [source], name, **how)


def _average(drawing: _Drawing, source: str, name: str, layer: Any) -> str:
    # That to 6 x 6 or 7 x 7, of as many places, is left out by the exporter, too.
    kind = "GlobalAveragePool" if layer.output_size == (1, 1) else "Identity"
    return drawing.add(kind, [source], name)


def _relu(drawing: _Drawing, source: str, name: str, _: Any) -> str:
    return drawing.add("Relu", [source], name)


_DRAWN: dict[type, Callable[[_Drawing, str, str, Any], str]] = {
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.AdaptiveAvgPool2d: _average,
    nn.ReLU: _relu,
    nn.BatchNorm2d: _same,
    nn.Dropout: _same,
    nn.Identity: _same,
}


def drawn(module: nn.Module, side: int) -> bytes:
    """The model file of a network, whose weights have shapes alone."""
    drawing = _Drawing(module)
    traced = fx.symbolic_trace(module).graph.nodes
    *_, last = (drawing.draw(node) for node in traced if node.op != "output")
    drawing.add("Softmax", [last], "probabilities")
    photo = helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", side, side, 3])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 1000])
    graph = helper.make_graph(drawing.nodes, "drawn", [photo], [answer], drawing.weights)
    return bytes(helper.make_model(graph).SerializeToString())
