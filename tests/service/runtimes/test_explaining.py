"""The mean of what each place says is the answer, whatever runs it; else it is not told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from booth_client.errors import InvalidParameter
from models.zoo import __file__ as zoo
from service.fleet.identity import read_model_file
from service.runtimes.base import Layout, ModelFile
from service.runtimes.explaining import Explainer, ManyOutputs, open_explainer
from service.runtimes.onnx_runtime import OnnxRuntime
from service.runtimes.open_vino import OpenVino, is_installed
from tests.service.conftest import SIDE
from tests.service.mapped import CELLS, TEMPERATURE, write_mapped

# LeNet-5's features are no mean of its maps.
SHIPPED = [one for one in sorted(Path(zoo).parent.glob("*.onnx")) if one.stem != "lenet5"]
RUNTIMES = (
    pytest.param(
        OpenVino, marks=pytest.mark.skipif(not is_installed(), reason="openvino is not installed")
    ),
    OnnxRuntime,
)
Make = Callable[[ModelFile, Layout, Sequence[str]], ManyOutputs]


def opened(path: Path, make: Make, content: bytes = b"") -> Explainer:
    file = read_model_file(path)
    file = ModelFile(path, content or file.content, file.sha256, file.modified, file.card)
    return open_explainer(file, lambda one, outputs: make(one, Layout(threads=1), outputs))


def photos_of(side: int, count: int = 3) -> NDArray[np.uint8]:
    small = np.random.default_rng(5).integers(0, 256, (count, 4, 4, 3), np.uint8)
    place = np.arange(side) * 4 // side
    return small[:, place][:, :, place]


def logits_of(content: bytes, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the file's own graph gives before the softmax and the temperature."""
    model = onnx.load_from_string(content)
    model.graph.output.append(helper.make_tensor_value_info("logits", 1, None))
    session = ort.InferenceSession(model.SerializeToString())
    (logits,) = session.run(["logits"], {"photo": photos})
    return logits  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", RUNTIMES)
@pytest.mark.parametrize(("precision", "by"), [("fp32", 1e-4), ("fp16", 2e-2), ("int8", 0.2)])
def test_the_mean_of_the_places_is_the_answer(
    tmp_path: Path, make: Make, precision: str, by: float
) -> None:
    path = write_mapped(tmp_path / "mapped.onnx", precision)
    photos = photos_of(SIDE)
    found = opened(path, make).run(photos)
    for one, logits in zip(found, logits_of(path.read_bytes(), photos), strict=True):
        assert one.logits.shape == (CELLS, CELLS, 3)
        assert one.logits.mean((0, 1)) == pytest.approx(logits, abs=by)
        assert one.head
        assert one.head.temperature == TEMPERATURE
        powers = np.exp(logits / TEMPERATURE)
        assert one.answer == pytest.approx(powers / powers.sum(), abs=by)


@pytest.mark.parametrize("make", RUNTIMES)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_mean_of_the_places_is_the_answer_of_each_shipped_model_in_floats(
    path: Path, make: Make
) -> None:
    content = in_floats(path.read_bytes())
    photos = photos_of(read_model_file(path).card.input.size, 1)
    (found,) = opened(path, make, content).run(photos, alone=True)
    (logits,) = logits_of(content, photos)
    assert found.logits.mean((0, 1)) == pytest.approx(logits, abs=1e-4)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_answer_of_a_shipped_model_is_the_mean_but_for_rounding(path: Path) -> None:
    side = read_model_file(path).card.input.size
    plain = OnnxRuntime(read_model_file(path), Layout(threads=1)).run(photos_of(side))
    for one, answer in zip(opened(path, OnnxRuntime).run(photos_of(side)), plain, strict=True):
        assert one.answer == pytest.approx(answer, abs=1e-5)
        assert one.head
        powers = np.exp(one.logits.mean((0, 1)) / one.head.temperature)
        assert powers / powers.sum() == pytest.approx(answer[:-1], abs=0.03)


def in_floats(content: bytes) -> bytes:
    """An 8-bit model file in float32: its weights as they are, its activations only saturated."""
    model = onnx.load_from_string(content)
    graph = model.graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    names: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        inputs = [names.get(name, name) for name in node.input]
        if node.op_type == "QuantizeLinear":
            names[node.output[0]] = inputs[0]
        elif node.op_type == "DequantizeLinear" and node.input[0] in values:
            scale = values[node.input[1]]
            rows = scale.reshape(-1, *(1,) * (values[node.input[0]].ndim - 1))
            values[node.input[0]] = values[node.input[0]].astype(np.float32) * rows
            names[node.output[0]] = node.input[0]
        elif node.op_type == "DequantizeLinear" and node.input[0] != "photo":
            scale, zero = (values[name] for name in node.input[1:])
            limits = (np.array([0, 255]) - int(zero)) * scale
            ends = [f"{node.output[0]}.low", f"{node.output[0]}.high"]
            values |= dict(zip(ends, limits.astype(np.float32), strict=True))
            nodes.append(helper.make_node("Clip", [inputs[0], *ends], list(node.output)))
        else:
            node.input[:] = inputs
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in values.items()
        if name in used
    )
    onnx.checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString()
    return written


@pytest.mark.parametrize("make", RUNTIMES)
def test_features_that_are_not_the_mean_of_the_maps_are_refused(tmp_path: Path, make: Make) -> None:
    explainer = opened(write_mapped(tmp_path / "mapped.onnx", pool="GlobalMaxPool"), make)
    for part in ("region", "cells"):
        with pytest.raises(InvalidParameter, match="not the mean of its last maps"):
            explainer.check([part])
    explainer.close()


def test_a_file_without_maps_is_refused_and_not_loaded(tiny: Path) -> None:
    explainer = opened(tiny, partial(pytest.fail, "It was loaded."))
    with pytest.raises(InvalidParameter, match="tiny can't tell regions and cells"):
        explainer.check({"region"})
    with pytest.raises(InvalidParameter, match="tiny has no attributes"):
        explainer.check({"attributes"})
    explainer.close()


@pytest.mark.parametrize("pool", ["GlobalAveragePool", "GlobalMaxPool"])
def test_attributes_need_no_maps(tmp_path: Path, pool: str) -> None:
    path = write_mapped(tmp_path / "mapped.onnx", pool=pool, attributes=True)
    explainer = opened(path, OnnxRuntime)
    explainer.check({"attributes"})
    (found,) = explainer.run(photos_of(SIDE, 1))
    session = ort.InferenceSession(path.read_bytes())
    (expected,) = session.run(["attributes"], {"photo": photos_of(SIDE, 1)})
    assert found.attributes == pytest.approx(expected[0], abs=1e-5)


def test_the_classifier_has_to_take_all_maps(tmp_path: Path) -> None:
    path = write_mapped(tmp_path / "mapped.onnx")
    model = onnx.load(path)
    maps = next(one for one in model.graph.output if one.name == "maps")
    maps.type.tensor_type.shape.dim[1].dim_value = 6
    explainer = opened(path, OnnxRuntime, model.SerializeToString())
    with pytest.raises(InvalidParameter):
        explainer.check({"cells"})


def test_pooled_features_are_given_where_the_file_has_them(tmp_path: Path, tiny: Path) -> None:
    path = write_mapped(tmp_path / "mapped.onnx")
    explainer = opened(path, OnnxRuntime)
    explainer.check({"features"})
    (found,) = explainer.run(photos_of(SIDE, 1))
    session = ort.InferenceSession(path.read_bytes())
    (expected,) = session.run(["features"], {"photo": photos_of(SIDE, 1)})
    assert found.features == pytest.approx(expected.reshape(-1), abs=1e-5)
    with pytest.raises(InvalidParameter, match="does not give its pooled features; name a layer"):
        opened(tiny, OnnxRuntime).check({"features"})
