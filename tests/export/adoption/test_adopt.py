"""Classifiers as many programs write them, adopted, answer as they do by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.adoption.original import AdoptionError
from export.cli.adopt import adopt
from service.fleet.identity import read_model_file
from tests.export.adoption.networks import (
    CLASSES,
    SIDE,
    Network,
    node,
    run_adopted,
    run_file,
    softmax,
)
from tests.export.cli.invoking import refused, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

NHWC = ["N", SIDE, SIDE, 3]
LAST_FIRST = {"perm": [0, 3, 1, 2]}
CALM = np.random.default_rng(1).normal(size=(CLASSES, 8)).astype(np.float32) / 20
CAFFE = np.array([123.68, 116.779, 103.939], np.float32)


def first(photos: NDArray[Any]) -> NDArray[Any]:
    """Channels first, with ImageNet's mean and deviation, as torchvision has it."""
    pixels = (photos / np.float32(255) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return pixels.astype(np.float32).transpose(0, 3, 1, 2)


def unit(photos: NDArray[Any]) -> NDArray[Any]:
    return (photos / 255).astype(np.float32).transpose(0, 3, 1, 2)


def last(photos: NDArray[Any]) -> NDArray[Any]:
    return (photos / 127.5 - 1).astype(np.float32)


def logits(outputs: list[Any]) -> NDArray[Any]:
    return softmax(outputs[0].reshape(len(outputs[0]), -1))


def as_they_are(outputs: list[Any]) -> NDArray[Any]:
    return np.asarray(outputs[0], np.float64).reshape(len(outputs[0]), -1)


def both(outputs: list[Any]) -> NDArray[Any]:
    one = as_they_are(outputs)
    return np.concatenate([1 - one, one], 1)


@dataclass
class Case:
    """A network, what its maker feeds it, and what its maker makes of its outputs."""

    network: Network
    pixels: Callable[[NDArray[Any]], NDArray[Any]] = first
    answer: Callable[[list[Any]], NDArray[Any]] = logits
    options: dict[str, str] = field(default_factory=dict)
    labels: int = CLASSES
    tolerance: float = 1e-4
    says: str = ""


def scaled() -> list[Any]:
    return [node("Transpose", "input", "t", **LAST_FIRST), node("Mul", "t", "x", "scale")]


def grey(photos: NDArray[Any]) -> NDArray[Any]:
    levels = np.floor((photos.astype(np.int64) @ [19595, 38470, 7471] + 32768) / 65536)
    return (levels / 255).astype(np.float32)[:, None]


CASES = {
    "torch": Case(Network(), says="Assumed, for nothing in torch.onnx tells"),
    "torch, a fixed batch": Case(
        Network(
            shape=[1, 3, SIDE, SIDE],
            outputs={"output": [1, CLASSES]},
            last=[node("Reshape", "logits", "output", "shape")],
            constants={"shape": np.array([1, CLASSES])},
        ),
        says="in batches of any size",
    ),
    "a batch of one that can't be loosened": Case(
        Network(
            shape=[1, 3, SIDE, SIDE],
            outputs={"output": [1, CLASSES]},
            last=[
                node("Concat", "logits", "both", "token", axis=1),
                node("Slice", "both", "output", "start", "end", "axis"),
            ],
            constants={
                "token": np.zeros((1, 1), np.float32),
                "start": np.array([0]),
                "end": np.array([CLASSES]),
                "axis": np.array([1]),
            },
        ),
        says="one photograph after the other",
    ),
    "names of Booth's own": Case(Network(input_name="photo", first=[
        node("Identity", "photo", "probabilities"), node("Identity", "probabilities", "booth.rows"),
        node("Identity", "booth.rows", "x")])),
    "weights among the inputs, IR 3": Case(Network(weights_are_inputs=True, ir=3, opset=7)),
    "opset 9": Case(Network(opset=9, ir=4)),
    "opset 23": Case(Network(opset=23, ir=11)),
    "N x K x 1 x 1": Case(Network(flat=False, outputs={"output": ["N", CLASSES, 1, 1]})),
    "softmax": Case(Network(last=[node("Softmax", "logits", "output", axis=1)]),
                    answer=as_they_are, says="taken as probabilities: they sum to 1"),
    "softmax of opset 11": Case(Network(opset=11, last=[node("Softmax", "logits", "output")]),
                                answer=as_they_are),
    "softmax written out": Case(Network(opset=11, last=[
        node("Exp", "logits", "e"), node("ReduceSum", "e", "s", axes=[1]),
        node("Div", "e", "output", "s")]), answer=as_they_are),
    "log softmax": Case(Network(last=[node("LogSoftmax", "logits", "output", axis=1)]),
                        answer=lambda outputs: np.exp(as_they_are(outputs)),
                        says="taken as log probabilities"),
    "one sigmoid": Case(
        Network(classes=1, outputs={"output": ["N", 1]},
                last=[node("Sigmoid", "logits", "output")]),
        answer=both, labels=2, says="its one number is the confidence in 'label 1'"),
    "one logit": Case(Network(classes=1, outputs={"output": ["N", 1]}),
                      answer=lambda o: both([1 / (1 + np.exp(-o[0].astype(float)))]), labels=2),
    "one number a photograph, no column": Case(
        Network(classes=1, outputs={"output": ["N"]}, constants={"shape": np.array([-1])},
                last=[node("Sigmoid", "logits", "s"), node("Reshape", "s", "output", "shape")]),
        answer=both, labels=2),
    "a further output of another size": Case(
        Network(outputs={"p": ["N", 8, 1, 1], "output": ["N", CLASSES]}),
        answer=lambda outputs: softmax(outputs[1])),
    "a further output alike": Case(
        Network(outputs={"output": ["N", CLASSES], "aux": ["N", CLASSES]}, last=[
            node("Identity", "logits", "output"), node("Neg", "logits", "aux")]),
        says="Note: 'aux' has as many numbers as 'output'"),
    "the further output": Case(
        Network(outputs={"output": ["N", CLASSES], "aux": ["N", CLASSES]}, last=[
            node("Identity", "logits", "output"), node("Neg", "logits", "aux")]),
        options={"output": "aux"}, answer=lambda outputs: softmax(outputs[1])),
    "float16": Case(Network(kind=TensorProto.FLOAT16, half=True),
                    pixels=lambda photos: first(photos).astype(np.float16), tolerance=0.01),
    "float64": Case(
        Network(kind=TensorProto.DOUBLE, first=[node("Cast", "input", "x", to=TensorProto.FLOAT)]),
        pixels=lambda photos: first(photos).astype(np.float64)),
    "uint8": Case(
        Network(shape=NHWC, kind=TensorProto.UINT8, first=[
            node("Cast", "input", "i", to=TensorProto.FLOAT),
            node("Transpose", "i", "t", **LAST_FIRST), node("Mul", "t", "x", "scale")],
            constants={"scale": np.float32(1 / 255)}),
        pixels=lambda photos: photos, says="RGB of 0..255 (its input is uint8"),
    "uint8, channels first": Case(
        Network(kind=TensorProto.UINT8, first=[
            node("Cast", "input", "i", to=TensorProto.FLOAT), node("Mul", "i", "x", "scale")],
            constants={"scale": np.float32(1 / 255)}),
        pixels=lambda photos: np.ascontiguousarray(photos.transpose(0, 3, 1, 2))),
    "keras": Case(Network(shape=NHWC, first=[node("Transpose", "input", "x", **LAST_FIRST)]),
                  pixels=last, says="both sides squashed, bilinear, RGB of -1..1"),
    "keras, Rescaling": Case(
        Network(shape=NHWC, first=scaled(), constants={"scale": np.float32(1 / 255)}),
        pixels=lambda photos: photos.astype(np.float32),
        says="its graph scales pixels of 0..255 itself"),
    "a mean in the graph": Case(
        Network(first=[node("Sub", "input", "m", "mean"), node("Div", "m", "x", "std")],
                constants={"mean": np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1),
                           "std": np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)}),
        pixels=unit, says="its graph normalises pixels of 0..1 itself"),
    "caffe": Case(Network(constants={"fc": CALM}),
                  options={"bgr": "", "mean": "123.68 116.779 103.939", "std": "1 1 1"},
                  pixels=lambda photos: np.ascontiguousarray(
                      (photos.astype(np.float32) - CAFFE)
                      [..., ::-1].transpose(0, 3, 1, 2)), says="BGR, (pixel - mean) / std"),
    "a range": Case(Network(), options={"range": "0..1"}, pixels=unit,
                    says="RGB of 0..1 (as asked"),
    "a mean of 0..1": Case(Network(), options={"mean": "0.5 0.5 0.5", "std": "0.5 0.5 0.5"},
                           pixels=lambda photos: last(photos).transpose(0, 3, 1, 2)),
    "all sides free": Case(Network(shape=["N", "C", "H", "W"]), options={"size": str(SIDE)}),
    "all sides free, channels last": Case(
        Network(shape=["N", "H", "W", "C"], first=[node("Transpose", "input", "x", **LAST_FIRST)]),
        options={"size": str(SIDE)}, pixels=last),
    "grey": Case(Network(shape=["N", 1, SIDE, SIDE], channels=1), pixels=grey,
                 says="pixels: grey of 0..1"),
    "one row of pixels": Case(
        Network(shape=["N", SIDE * SIDE * 3], constants={"square": np.array([-1, SIDE, SIDE, 3])},
                first=[node("Reshape", "input", "s", "square"),
                       node("Transpose", "s", "x", **LAST_FIRST)]),
        pixels=lambda photos: (photos / 255).astype(np.float32).reshape(len(photos), -1),
        says="in one row"),
}  # fmt: skip


def words(options: dict[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", *value.split())]


def adopted(path: Path, out: Path, *options: object) -> str:
    result = run(adopt, path, "--out", out, *options)
    assert result.exit_code == 0, result.output or result.exception
    return result.stdout


@pytest.mark.parametrize("name", CASES)
def test_it_answers_as_the_original(name: str, tmp_path: Path, squares: NDArray[np.uint8]) -> None:
    case = CASES[name]
    path, out = tmp_path / f"{name.replace(' ', '-')}.onnx", tmp_path / "out.onnx"
    case.network.save(path)
    (tmp_path / "labels.txt").write_text("".join(f"label {i}\n" for i in range(case.labels)))
    told = adopted(path, out, "--labels", tmp_path / "labels.txt", *words(case.options))
    assert case.says in told
    expected = case.answer(run_file(path, case.pixels(squares)))
    assert np.ptp(expected, axis=0).max() > 0.01  # photographs do make a difference
    np.testing.assert_allclose(run_adopted(out, squares), expected, atol=case.tolerance)
    card = read_model_file(out).card
    assert card.parity
    assert (card.parity.photographs, card.parity.top1_agreement) == (20, 1.0)
    assert [label.name for label in card.labels] == [f"label {i}" for i in range(case.labels)]


def test_the_classes_of_a_zipmap_are_the_labels(tmp_path: Path, squares: NDArray[np.uint8]) -> None:
    classes = ["zebra", "ape", "yak", "cow", "bee"]  # in no order, as the dictionary's would be
    network = Network(
        last=[
            node("Softmax", "logits", "scores", axis=1),
            node("ArgMax", "scores", "label", axis=1, keepdims=0),
            node("ZipMap", "scores", "output", domain="ai.onnx.ml", classlabels_strings=classes),
        ]
    ).model()
    del network.graph.output[:]
    network.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]))
    zipped = onnx.ValueInfoProto(name="output")
    zipped.type.sequence_type.elem_type.map_type.key_type = TensorProto.STRING
    value = zipped.type.sequence_type.elem_type.map_type.value_type.tensor_type
    value.elem_type = TensorProto.FLOAT
    network.graph.output.append(zipped)
    path, out = tmp_path / "sk.onnx", tmp_path / "out.onnx"
    onnx.save(network, path)
    adopted(path, out)
    rows = run_file(path, first(squares))[1]
    expected = [[row[name] for name in classes] for row in rows]
    np.testing.assert_allclose(run_adopted(out, squares), expected, atol=1e-4)
    assert [label.name for label in read_model_file(out).card.labels] == classes


def test_what_ultralytics_tells_is_believed(tmp_path: Path, squares: NDArray[np.uint8]) -> None:
    names = {i: f"kind {i}" for i in range(CLASSES)}
    network = Network(
        shape=[1, 3, SIDE, SIDE],
        input_name="images",
        first=[node("Identity", "images", "x")],
        outputs={"output": [1, CLASSES]},
        last=[node("Softmax", "logits", "output", axis=1)],
        metadata={
            "description": "Ultralytics YOLO11n-cls model trained on flowers",
            "license": "AGPL-3.0 License (https://ultralytics.com/license)",
            "task": "classify",
            "imgsz": f"[{SIDE}, {SIDE}]",
            "names": str(names),
        },
    )
    path, out = network.save(tmp_path / "yolo.onnx"), tmp_path / "out.onnx"
    told = adopted(path, out)
    assert "Assumed" not in told
    card = read_model_file(out).card
    assert (card.input.size, card.input.resize, card.input.keep_aspect) == (SIDE, SIDE, True)
    assert [label.name for label in card.labels] == list(names.values())
    assert card.architecture == "Ultralytics YOLO11n-cls model"
    assert card.weights.licence.startswith("AGPL-3.0")
    expected = run_file(path, unit(squares))[0]
    np.testing.assert_allclose(run_adopted(out, squares), expected, atol=1e-4)


def test_external_data_becomes_part_of_the_one_file(
    tmp_path: Path, labels: Path, squares: NDArray[np.uint8]
) -> None:
    path, out = tmp_path / "dynamo.onnx", tmp_path / "out.onnx"
    model = Network(constants={"unused": np.zeros(4096, np.float32)}).model()
    onnx.save(
        model, path, save_as_external_data=True, location="dynamo.onnx.data", size_threshold=0
    )
    adopted(path, out, "--labels", labels)
    expected = softmax(run_file(path, first(squares))[0])
    (tmp_path / "dynamo.onnx.data").unlink()
    np.testing.assert_allclose(run_adopted(out, squares), expected, atol=1e-4)


def sentence(path: Path, *options: object) -> str:
    out = path.parent / "out.onnx"
    result = run(adopt, path, "--out", out, *options)
    assert not out.exists()
    return refused(result)


SOFTENED = [node("Sigmoid", "logits", "output")]
REFUSED = {
    "detection": (
        Network(outputs={"output": ["N", 8, "M"]}, constants={"s": np.array([0, 8, -1])},
                last=[node("Reshape", "r", "output", "s")]),
        "it detects or segments, or makes features"),
    "segmentation": (Network(outputs={"r": ["N", 8, "H", "W"]}), "it detects or segments"),
    "embedding": (Network(classes=64, outputs={"output": ["N", 64]}),
                  r"has 64 outputs and 5 labels were given; they must be as many"),
    "one output": (Network(classes=1, outputs={"output": ["N", 1]}),
                   r"has 1 output, which tells 2 labels apart, and 5 labels were given"),
    "text": (Network(shape=["N", 128], kind=TensorProto.INT64), r"is int64 N x 128, and not N x 3"),
    "table": (Network(shape=["N", 13]), "is a row of 13 numbers, which are no square of pixels"),
    "two inputs": (
        Network(extra_inputs=[helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N"])]),
        r"takes 2 inputs \(input, mask\), where a classifier of photographs takes one"),
    "four channels": (Network(shape=["N", 4, SIDE, SIDE], channels=4), "4 channels"),
    "no square": (Network(shape=["N", 3, SIDE, 64]), "is 64 pixels wide and 32 high"),
    "several labels": (Network(last=SOFTENED), "ends in a Sigmoid for each of 5 labels"),
    "no answer at all": (Network(constants={"w": np.full((8, 3, 3, 3), np.nan, np.float32)}),
                         "infinity or no number at all"),
    "the same answer": (Network(constants={"w": np.zeros((8, 3, 3, 3), np.float32)}),
                        "answers all of 20 photographs alike"),
    "at random": (Network(last=[node("RandomNormalLike", "logits", "n"),
                                node("Add", "logits", "output", "n")]),
                  "answers the same photograph differently when asked again"),
    "a batch of four": (Network(shape=[4, 3, SIDE, SIDE], outputs={"output": [4, CLASSES]},
                                constants={"t": np.ones((4, 1), np.float32)},
                                last=[node("Mul", "logits", "output", "t")]),
                        r"Export it with a batch of any size, not of 4\."),
    "unknown operators": (
        Network(last=[node("Magic", "logits", "output", domain="com.example")]),
        r"needs operators that ONNX Runtime does not have: com\.example\.Magic"),
    "opset 6": (Network(opset=6, ir=3, weights_are_inputs=True), "version 6 of ONNX's operators"),
    "another task": (Network(metadata={"task": "detect", "names": "{0: 'a'}"}),
                     "made for the task 'detect' by its own metadata"),
    "labels in another order": (
        Network(metadata={"names": str([f"label {4 - i}" for i in range(CLASSES)])}),
        "its output 0 is 'label 4', and 'label 0' was given; leave --labels out"),
    "another size": (Network(metadata={"task": "classify", "imgsz": "[64, 64]"}),
                     "is 32 pixels wide and high, but 64 by its metadata"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_classifier_of_photographs_is_refused(
    name: str, tmp_path: Path, labels: Path
) -> None:
    network, expected = REFUSED[name]
    path = network.save(tmp_path / "other.onnx")
    found = sentence(path, "--labels", labels)
    assert "other.onnx" in found or "input" in found
    with pytest.raises(AdoptionError, match=expected):
        raise AdoptionError(found)


def test_labels_have_to_come_from_somewhere(tmp_path: Path) -> None:
    path = Network().save(tmp_path / "other.onnx")
    assert sentence(path).startswith("Nothing in other.onnx names its 5 labels: give --labels")


def test_what_two_tell_differently_is_asked_for(tmp_path: Path, labels: Path) -> None:
    network = Network(
        first=[node("Mul", "input", "x", "scale")], constants={"scale": np.float32(1 / 255)}
    )
    network.metadata["pretrained_cfg"] = '{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}'
    path = network.save(tmp_path / "other.onnx")
    assert "say which pixels it takes with --range" in sentence(path, "--labels", labels)
    told = adopted(path, tmp_path / "out.onnx", "--labels", labels, "--range", "0..255")
    assert "pixels: RGB of 0..255 (as asked for" in told


def test_a_large_initializer_that_nothing_needs_is_left_out(tmp_path: Path, labels: Path) -> None:
    model = Network().model()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(10**6, np.float32), "unused"))
    onnx.save(model, tmp_path / "other.onnx")
    adopted(tmp_path / "other.onnx", tmp_path / "out.onnx", "--labels", labels)
    assert (tmp_path / "out.onnx").stat().st_size < 10_000
