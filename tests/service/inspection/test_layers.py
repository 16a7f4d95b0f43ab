"""What is read of a graph: the figures of published networks, and each way to write a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from models.networks.compat import torchvision_models
from service.inspection.filters import filters_of
from service.inspection.graph import Graph, UnreadableGraphError
from service.inspection.layers import Layer, layers
from tests.conftest import ROOT
from tests.service.inspection.drawn import drawn
from tests.service.inspection.graphs import SIDE, model, node, outputs, photo, weights

ZOO = ROOT / "models" / "zoo"


def network(name: str) -> nn.Module:
    with torch.device("meta"):
        return getattr(torchvision_models(), name)().eval()  # type: ignore[no-any-return]


def named(found: list[Layer]) -> dict[str, Layer]:
    by_name = {layer.name: layer for layer in found}
    assert len(by_name) == len(found)
    return by_name


def checked(content: bytes) -> dict[str, Layer]:
    """The layers of a graph, whose shapes are those that ONNX Runtime makes."""
    found = layers(content)
    for layer, value in zip(found, outputs(content, found, photo()), strict=True):
        assert value.shape == layer.shape
    return named(found)


# Parameters and multiply-adds as torchvision's documentation has them (61.1 M and 0.71 G, 138.4 M
# and 15.47 G, 25.6 M and 4.09 G); fields of Araujo et al. 2019, table 1.


def test_alexnet_has_the_published_figures() -> None:
    found = layers(drawn(network("alexnet"), 224))
    assert sum(layer.parameters for layer in found) == 61_100_840
    assert sum(layer.multiply_adds for layer in found) == 714_188_480
    *_, last = (layer for layer in found if layer.kind == "max pooling")
    assert last.receptive_field.y.size == last.receptive_field.x.size == 195
    assert last.receptive_field.y.jump == 32
    assert last.shape == (6, 6, 256)
    assert [layer.shape[2] for layer in found if layer.kind == "fully connected"] == [
        4096,
        4096,
        1000,
    ]


def test_vgg16_has_the_published_figures() -> None:
    found = layers(drawn(network("vgg16"), 224))
    assert sum(layer.parameters for layer in found) == 138_357_544
    assert sum(layer.multiply_adds for layer in found) == 15_470_264_320
    *_, last = (layer for layer in found if layer.kind == "max pooling")
    assert last.receptive_field.y.size == 212
    assert last.shape == (7, 7, 512)


def test_resnet50_has_the_published_figures() -> None:
    module = network("resnet50")
    found = named(layers(drawn(module, 224)))
    # A folded batch norm's scale is in the weights: of its two numbers a channel one is left.
    scales = sum(one.weight.numel() for one in module.modules() if isinstance(one, nn.BatchNorm2d))
    assert sum(layer.parameters for layer in found.values()) + scales == 25_557_032
    assert sum(layer.multiply_adds for layer in found.values()) == 4_089_184_256
    assert found["conv1"].receptive_field.y == (7, 2, 0.5)
    assert found["maxpool"].receptive_field.y.size == 11
    assert found["add_15"].receptive_field.y.size == 427
    assert found["add_15"].activation == "relu"
    assert found["layer4_2_conv3"].activation is None


def test_resnet50_with_its_strides_at_the_ends_of_the_stages_sees_483_pixels() -> None:
    # As in TF-Slim, whose networks the table is of: torchvision has them at the beginnings.
    module: Any = network("resnet50")
    stages = [module.layer1, module.layer2, module.layer3, module.layer4]
    for stage in stages[1:]:
        stage[0].conv2.stride = stage[0].downsample[0].stride = (1, 1)
    for stage in stages[:-1]:
        stage[-1].conv2.stride = (2, 2)
        stage[-1].downsample = nn.MaxPool2d(1, 2)
    found = named(layers(drawn(module, 224)))
    assert found["add_15"].receptive_field.y.size == 483
    assert found["add_15"].receptive_field.y.jump == 32


def test_the_shipped_models_are_read() -> None:
    content = (ZOO / "places365.onnx").read_bytes()
    found = named(layers(content))
    assert len(found) == 60
    first, added, last = found["conv0"], found["add15"], found["classifier"]
    assert first.activation == "relu6"
    assert (first.kernel, first.stride, first.padding) == ((3, 3), (2, 2), (0, 0, 1, 1))
    assert first.receptive_field.y == (3, 2, 1.5)
    assert (first.parameters, first.inputs, first.shape) == (896, (), (96, 96, 32))
    assert found["conv2"].kind == "depthwise convolution"
    assert found["conv4"].activation is None
    assert added.inputs == ("conv14", "conv9")
    assert last.tensor == "logits"
    assert last.parameters == 1281 * 365
    assert found["globalaveragepool91"].inputs == ("conv89",)
    assert found["globalaveragepool91"].shape == (1, 1, 1280)


def test_squeeze_and_excitation_with_silu() -> None:
    found = checked(
        model(
            [
                node("Conv", "pixels stem.weight", "c", pads=[1, 1, 1, 1]),
                node("Sigmoid", "c", "s"),
                node("Mul", "c s", "silu"),
                node("ReduceMean", "silu axes", "squeezed"),
                node("Conv", "squeezed se.weight", "e"),
                node("Sigmoid", "e", "gate"),
                node("Mul", "silu gate", "scaled"),
                node("GlobalMaxPool", "scaled", "pooled"),
                node("Flatten", "pooled", "flat"),
                node("Gemm", "flat fc.weight fc.bias", "logits", transB=1),
                node("Div", "logits temperature", "warm"),
                node("Softmax", "warm", "probabilities"),
            ],
            stem_weight=weights(4, 3, 3, 3),
            axes=np.array([2, 3]),
            se_weight=weights(4, 4, 1, 1),
            fc_weight=weights(5, 4),
            fc_bias=weights(5),
            temperature=np.float32(1.5),
        )
    )
    assert list(found) == ["stem", "squeezed", "se", "scaled", "pooled", "fc"]
    assert found["stem"].activation == "silu"
    assert found["stem"].tensor == "silu"
    assert not found["stem"].bias
    assert found["squeezed"].kind == "global average pooling"
    assert found["se"].activation == "sigmoid"
    assert found["scaled"].kind == "multiplication"
    assert found["scaled"].inputs == ("stem", "se")
    assert found["scaled"].receptive_field.y.size == 3 + SIDE - 1
    assert found["pooled"].kind == "global max pooling"
    assert (found["fc"].tensor, found["fc"].bias, found["fc"].multiply_adds) == ("logits", True, 20)


@pytest.mark.parametrize(
    ("nodes", "activation", "tensor"),
    [
        ([node("Relu", "c", "y")], "relu", "y"),
        ([node("Clip", "c zero six", "y")], "relu6", "y"),
        ([node("Clip", "c zero", "y")], "relu", "y"),
        ([node("HardSwish", "c", "y")], "hard swish", "y"),
        ([node("HardSigmoid", "c", "h"), node("Mul", "c h", "y")], "hard swish", "y"),
        (
            [
                node("Add", "c three", "a"),
                node("Clip", "a zero six", "b"),
                node("Mul", "c b", "d"),
                node("Div", "d six", "y"),
            ],
            "hard swish",
            "y",
        ),
        (
            [
                node("Div", "c root", "a"),
                node("Erf", "a", "b"),
                node("Add", "b one", "d"),
                node("Mul", "c d", "e"),
                node("Mul", "e half", "y"),
            ],
            "gelu",
            "y",
        ),
        ([node("Add", "c shift", "s"), node("Relu", "s", "y")], "relu", "y"),
        (
            [node("BatchNormalization", "c gamma beta mean variance", "n"), node("Tanh", "n", "y")],
            "tanh",
            "y",
        ),
        ([node("Mul", "c half", "y")], None, "c"),
        (
            [
                node("Transpose", "c", "t", perm=[0, 2, 3, 1]),
                node("Add", "t last", "a"),
                node("Relu", "a", "r"),
                node("Transpose", "r", "y", perm=[0, 3, 1, 2]),
            ],
            "relu",
            "r",
        ),
    ],
)
def test_an_activation_and_a_bias_belong_to_their_convolution(
    nodes: list[Any], activation: str | None, tensor: str
) -> None:
    numbers = {"zero": 0, "six": 6, "three": 3, "root": 2**0.5, "one": 1, "half": 0.5}
    constants = {name: np.float32(value) for name, value in numbers.items()}
    content = model(
        [
            node("Conv", "pixels w", "c"),
            *nodes,
            node("GlobalAveragePool", "y", "pooled"),
            node("Flatten", "pooled", "flat"),
            node("Softmax", "flat", "probabilities"),
        ],
        w=weights(4, 3, 3, 3),
        shift=weights(1, 4, 1, 1),
        last=weights(4),
        **{name: np.abs(weights(4)) for name in ("gamma", "beta", "mean", "variance")},
        **constants,
    )
    found = checked(content)
    assert list(found) == ["w", "pooled"]
    assert (found["w"].activation, found["w"].tensor) == (activation, tensor)
    adding = {"shift", "last", "beta"}
    assert found["w"].bias is any(adding.intersection(one.input[1:]) for one in nodes)


def test_a_batch_norm_behind_a_concatenation_is_a_layer() -> None:
    found = checked(
        model(
            [
                node("Conv", "pixels first", "x"),
                node("Conv", "x second", "y", pads=[1, 1, 1, 1]),
                node("Concat", "x y", "both", axis=1),
                node("BatchNormalization", "both scale shift mean variance", "n"),
                node("Relu", "n", "r"),
                node("Conv", "r third", "z", pads=[1, 1, 1, 1]),
                node("Concat", "both z", "all", axis=1),
                node("AveragePool", "all", "p", kernel_shape=[6, 6]),
                node("Flatten", "p", "probabilities"),
            ],
            first=weights(2, 3, 3, 3),
            second=weights(2, 2, 3, 3),
            third=weights(2, 4, 3, 3),
            **{name: np.abs(weights(4)) for name in ("scale", "shift", "mean", "variance")},
        )
    )
    assert [layer.kind for layer in found.values()] == [
        "convolution",
        "convolution",
        "concatenation",
        "batch normalisation",
        "convolution",
        "concatenation",
        "global average pooling",
    ]
    assert found["n"].activation == "relu"
    assert found["n"].inputs == ("both",)
    assert found["n"].parameters == 8
    assert found["all"].inputs == ("both", "third")
    assert found["all"].receptive_field.y.size == 7


def test_integers_stand_for_what_their_scale_says() -> None:
    content = model(
        [
            node("QuantizeLinear", "pixels x.scale x.zero", "x.integers"),
            node(
                "QLinearConv",
                "x.integers x.scale x.zero w w.scale w.zero y.scale y.zero w.bias",
                "y_quantized",
            ),
            node("DequantizeLinear", "y_quantized y.scale y.zero", "y"),
            node("DequantizeLinear", "y_quantized y.scale y.zero", "y.again"),
            node("GlobalAveragePool", "y", "pooled"),
            node("GlobalMaxPool", "y.again", "largest"),
            node("Add", "pooled largest", "sum"),
            node("Flatten", "sum", "probabilities"),
        ],
        w=np.random.default_rng(2).integers(-9, 10, (4, 3, 3, 3), np.int8),
        w_scale=np.array([0.5, 1, 2, 3], np.float32) / 9,
        w_zero=np.zeros(4, np.int8),
        w_bias=np.array([5, 50, -50, 0], np.int32),
        x_scale=np.float32(0.02),
        x_zero=np.uint8(0),
        y_scale=np.float32(0.25),
        y_zero=np.uint8(0),
    )
    found = checked(content)
    layer = found["w"]
    assert (layer.scale, layer.zero, layer.activation) == (0.25, 0, "relu")
    assert layer.tensor == "y_quantized"
    assert layer.bias
    (value, *_), pixels = outputs(content, list(found.values()), photo()), photo() / [58, 57, 57]
    assert found["sum"].inputs == ("pooled", "largest")
    filters = filters_of(Graph(content), layer, range(4))
    assert filters.biases is not None
    square = pixels[2:5, 3:6].astype(np.float32)
    exact = (filters.kernels * square).sum((1, 2, 3)) + filters.biases
    assert value[2, 3] == pytest.approx(np.maximum(exact, 0), abs=0.4)


def test_a_network_in_a_loop_over_photographs_is_read_as_for_one() -> None:
    square = numpy_helper.from_array(np.array([1, SIDE, SIDE, 3]), "square")
    labels = numpy_helper.from_array(np.array([4]), "labels")
    nodes = [
        node("Reshape", "one square", "alone"),
        node("Cast", "alone", "float", to=TensorProto.FLOAT),
        node("Transpose", "float", "pixels", perm=[0, 3, 1, 2]),
        node("Conv", "pixels stem.weight", "c"),
        node("Relu", "c", "r"),
        node("GlobalAveragePool", "r", "pooled"),
        node("Reshape", "pooled labels", "numbers"),
    ]
    body = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("one", TensorProto.UINT8, [SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(weights(4, 3, 3, 3), "stem.weight")],
    )
    scan = helper.make_node("Scan", ["photo"], ["probabilities"], body=body, num_scan_inputs=1)
    graph = helper.make_graph(
        [scan],
        "graph",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 4])],
        [square, labels],
    )
    opsets = [helper.make_opsetid("", 20)]
    found = checked(
        helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    )
    assert list(found) == ["stem", "pooled"]
    assert found["stem"].shape == (6, 6, 4)
    assert found["stem"].activation == "relu"


def test_an_operator_that_is_not_known_is_named() -> None:
    content = model([node("NonZero", "pixels", "x"), node("Reshape", "x y", "probabilities")])
    with pytest.raises(UnreadableGraphError, match="Reshape gives probabilities"):
        layers(content)
