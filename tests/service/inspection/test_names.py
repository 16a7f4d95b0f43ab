"""Names of layers, after those of several makers' graphs."""

from __future__ import annotations

import pytest

from service.inspection.names import Names, common_start


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["conv0.weight.real", "clip1.exact"], "conv0"),
        (["", "add15.exact"], "add15"),
        (["layer1.0.conv1.weight", "x"], "layer1.0.conv1"),
        (["onnx::Conv_193", "/layer1/layer1.0/conv1/Conv_output_0"], "layer1.0.conv1"),
        (["", "/blocks/blocks.0/blocks.0.0/se/Mul_output_0"], "blocks.0.0.se.Mul"),
        (["model/conv/Conv2D/ReadVariableOp:0"], "model.conv"),
        (["features.0.0.weight"], "features.0.0"),
        (["193", "12"], "max-pooling"),
    ],
)
def test_a_name_is_the_readable_part(values: list[str], name: str) -> None:
    assert Names().new(values, "max pooling") == name


def test_each_has_its_own() -> None:
    names = Names()
    given = [names.new([""], "max pooling") for _ in range(3)]
    assert given == ["max-pooling", "max-pooling-2", "max-pooling-3"]


def test_what_all_begin_with_is_found_up_to_a_dot() -> None:
    assert common_start(["model.0.conv", "model.0.act", "model.1"]) == "model."
    assert common_start(["conv1", "conv2"]) == common_start(["model.conv"]) == ""
