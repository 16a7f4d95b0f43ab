"""A model file with maps whose cells can be told by hand."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from models.card import METADATA_KEY, Card, Input
from service.inspection.label_map import Asked
from service.inspection.label_map_task import MapTask
from service.inspection.networks import ModelVersion, Networks
from service.inspection.task import Job, Subject
from service.photo.formats import FORMATS
from tests.service.conftest import tiny_card

__all__ = [
    "COLOURS",
    "SIZE",
    "STRIDE",
    "about",
    "quarters",
    "tiled_card",
    "tiled_job",
    "tiled_subject",
    "tiled_task",
    "write_tiled",
]

SIZE = 16
STRIDE = 8
COLOURS = ((200, 0, 0), (0, 100, 0), (0, 0, 50), (10, 20, 30))
SCALE = 0.05  # of the classifier
TEMPERATURE = 2.0


def tiled_card() -> Card:
    return tiny_card("tiled").model_copy(update={"input": Input(size=SIZE, resize=SIZE)})


def write_tiled(path: Path, *, fixed: bool = False) -> Path:
    """Each place of the maps is the mean colour of its 8 x 8 pixels; the labels are the colours.

    Args:
        path: of the file.
        fixed: whether the network takes its own size alone.

    """
    kernel = np.zeros((3, 3, STRIDE, STRIDE), np.float32)
    kernel[range(3), range(3)] = 1 / STRIDE**2
    nodes = [
        helper.make_node("Cast", ["photo"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["pixels"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["pixels", "kernel"], ["conv"], strides=[STRIDE, STRIDE]),
        helper.make_node(
            "Reshape" if fixed else "Identity", ["conv", "shape"][: 1 + fixed], ["maps"]
        ),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node(
            "Gemm", ["features", "classifier.weight", "classifier.bias"], ["logits"], transB=1
        ),
        helper.make_node("Div", ["logits", "temperature"], ["calibrated"]),
        helper.make_node("Softmax", ["calibrated"], ["probabilities"]),
    ]
    places = SIZE // STRIDE
    constants = {
        "kernel": kernel,
        "classifier.weight": np.eye(3, dtype=np.float32) * np.float32(SCALE),
        "classifier.bias": np.array([0.5, 0, -0.5], np.float32),
        "temperature": np.array(TEMPERATURE, np.float32),
        "shape": np.array([1, 3, places, places]),
    }
    graph = helper.make_graph(
        nodes,
        "tiled",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", SIZE, SIZE, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
            for name, shape in (
                ("probabilities", [3]),
                ("features", [3]),
                ("maps", [3, places, places]),
            )
        ],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, tiled_card().to_json()
    onnx.save(model, path)
    return path


def tiled_task(path: Path, photo: bytes, step: int = STRIDE, timeout_s: float = 30.0) -> MapTask:
    """A label map of the model with two labels a cell."""
    return MapTask(tiled_subject(path, photo, timeout_s), Asked(SIZE, STRIDE, step, 1, 2))


def tiled_subject(path: Path, photo: bytes, timeout_s: float = 30.0) -> Subject:
    """The model, and one photograph."""
    return Subject(
        photos=(photo,),
        path=str(path),
        modified=path.stat().st_mtime,
        card=tiled_card(),
        max_pixels=1_000_000,
        formats=FORMATS,
        deadline=time.monotonic() + timeout_s,
    )


def tiled_job(path: Path, *photos: bytes, **asked: Any) -> Job:
    """What the process that looks into networks does with the model and some photographs."""
    return Job(
        asked=asked,
        photos=[memoryview(photo) for photo in photos],
        model=ModelVersion(str(path), path.stat().st_mtime),
        wanted=tiled_card().input,
        max_pixels=1_000_000,
        formats=FORMATS,
        networks=Networks(),
        is_wanted=lambda: True,
    )


def quarters() -> bytes:
    """A photograph of the network's own size with a colour in each quarter, of ``COLOURS``."""
    pixels = np.array(COLOURS, np.uint8).reshape(2, 2, 3).repeat(STRIDE, 0).repeat(STRIDE, 1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def about(task: MapTask, **changes: Any) -> MapTask:
    """The task with another subject, in some of its fields."""
    return replace(task, subject=replace(task.subject, **changes))
