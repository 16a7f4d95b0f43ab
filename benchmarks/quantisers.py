"""Booth's quantiser beside ONNX Runtime's, on both models that ship.

``python -m benchmarks.quantisers WEIGHTS PHOTOS SCENES``

WEIGHTS is the checkpoint of EfficientNet-Lite0, PHOTOS and SCENES are data sets of ImageNet's
objects and of Places365's scenes, as `booth evaluate` takes them. Each network is quantised from
the same float graph on the same photographs, and compared on others with what it was made from.
The scene model's float weights are those of its 8-bit file, so only its activations lose anything.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.table import markdown
from export.graph.model import assemble
from export.graph.quantise import quantise
from export.graph.trace import trace_network
from models.card import Card
from models.networks import build
from models.networks.checkpoint import load_network
from models.shelf import ZOO
from models.sources import SOURCES
from service.fleet.identity import read_card
from service.lab.dataset import read_dataset
from service.photo.decode import decode

__all__ = ["measure"]

HEADINGS = ("model", "quantiser", "same first label", "KL", "top-1", "MB", "time of a photo")
LITE0 = SOURCES["efficientnet_lite0"]
NORMALISATION = LITE0.normalisation
BATCH = 8
ROUNDS = 15
METHODS = {
    "ONNX Runtime, MinMax": CalibrationMethod.MinMax,
    "ONNX Runtime, Entropy": CalibrationMethod.Entropy,
    "ONNX Runtime, Percentile": CalibrationMethod.Percentile,
}
# What Booth's own quantiser takes as well; softmax and the scaling of pixels stay in floats.
QUANTISED = ["Conv", "Gemm", "Add", "Clip", "Relu", "GlobalAveragePool", "Flatten"]

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Photographs:
    """Squares N x S x S x 3 and the labels that are right for each."""

    squares: Pixels
    targets: list[frozenset[int]]

    def __getitem__(self, part: slice) -> Photographs:
        """Some of them."""
        return Photographs(self.squares[part], self.targets[part])


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to quantise.

    Attributes:
        name: For the table.
        graph: Exporter, in floats.
        temperature: Divides the logits.
        calibration: To quantise with.
        judges: To compare on.

    """

    name: str
    graph: ModelProto
    temperature: float
    calibration: Pixels
    judges: Photographs


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands the photographs to ONNX Runtime's calibration, one by one."""

    def __init__(self, squares: Pixels) -> None:
        self._left = iter(squares)

    def get_next(self) -> dict[str, Pixels] | None:
        square = next(self._left, None)
        return None if square is None else {"photo": square[None]}


@click.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.argument("scenes", type=click.Path(exists=True, path_type=Path))
@click.option("--calibrate", default=32, help="photographs to calibrate with")
@click.option("--judge", default=300, help="photographs to compare on")
def measure(weights: Path, photos: Path, scenes: Path, calibrate: int, judge: int) -> None:
    """Compare the two quantisers on both models that ship, and print a table."""
    rows: list[list[str]] = []
    for subject in (
        _objects(weights, photos, calibrate, judge),
        _scenes(scenes, calibrate, judge),
    ):
        rows += _compared(subject)
    click.echo(markdown(HEADINGS, rows))


def _objects(weights: Path, data: Path, calibrate: int, judge: int) -> Subject:
    card = read_card(ZOO / "efficientnet_lite0.onnx")
    network, _ = load_network(LITE0.architecture, len(card.labels), weights)
    seen = _decoded(data, card, calibrate + judge)
    graph = trace_network(network, card.input.size)
    return Subject(card.name, graph, 1.0, seen.squares[:calibrate], seen[calibrate:])


def _scenes(data: Path, calibrate: int, judge: int) -> Subject:
    path = ZOO / "places365.onnx"
    card = read_card(path)
    network = build(card.architecture, len(card.labels)).to_empty(device="cpu")
    graph = trace_network(network, card.input.size)
    _fill(graph, onnx.load(path))
    seen = _decoded(data, card, calibrate + judge)
    temperature = card.calibration.temperature if card.calibration else 1.0
    return Subject(card.name, graph, temperature, seen.squares[:calibrate], seen[calibrate:])


def _fill(graph: ModelProto, integers: ModelProto) -> None:
    """Give a float graph the weights of a quantised file; both name them alike."""
    stored = {t.name: numpy_helper.to_array(t) for t in integers.graph.initializer}
    for tensor in graph.graph.initializer:
        if f"{tensor.name}.scale" not in stored:
            continue  # the bounds of a ReLU6
        values = stored[tensor.name]
        scales = stored[f"{tensor.name}.scale"].reshape(-1, *(1,) * (values.ndim - 1))
        floats = (values * scales).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(floats, tensor.name))


def _decoded(data: Path, card: Card, wanted: int) -> Photographs:
    """So many photographs, evenly spread over the data set and shuffled, always the same."""
    dataset = read_dataset(data, card.labels)
    chosen = list(islice(dataset, 0, None, max(len(dataset) // wanted, 1)))[:wanted]
    order = np.random.default_rng(0).permutation(len(chosen))
    squares = np.stack([decode(chosen[place].photo, card.input).pixels for place in order])
    return Photographs(squares, [chosen[place].targets for place in order])


def _compared(subject: Subject) -> Iterator[list[str]]:
    """A row for each way to compute the network."""
    with TemporaryDirectory() as folder:
        files = {"none: float32": Path(folder) / "float.onnx"}
        floats = assemble(subject.graph, NORMALISATION, subject.temperature)
        onnx.save(floats, files["none: float32"])
        for name, make in _quantisers(subject).items():
            files[name] = Path(folder) / f"{len(files)}.onnx"
            make(files["none: float32"], files[name])
        sessions = {name: _session(path) for name, path in files.items()}
        times = _times(sessions, subject.judges.squares[:1])
        answers = {name: _answers(one, subject.judges.squares) for name, one in sessions.items()}
        reference = answers["none: float32"]
        for name, path in files.items():
            yield [
                subject.name,
                name,
                f"{(answers[name].argmax(1) == reference.argmax(1)).mean():.1%}",
                f"{_divergence(reference, answers[name]):.4f}",
                f"{_right(answers[name], subject.judges.targets):.1%}",
                f"{path.stat().st_size / 1e6:.1f}",
                f"{times[name]:.2f} x float32's",
            ]


def _quantisers(subject: Subject) -> dict[str, Callable[[Path, Path], None]]:
    """From a quantiser's name to what makes a file of a float one."""

    def own(_floats: Path, out: Path) -> None:
        model = quantise(subject.graph, NORMALISATION, subject.temperature, subject.calibration)
        onnx.save(model, out)

    def runtimes(method: CalibrationMethod) -> Callable[[Path, Path], None]:
        def make(floats: Path, out: Path) -> None:
            prepared = floats.with_name("prepared.onnx")
            quant_pre_process(floats, prepared)
            quantize_static(
                prepared,
                out,
                _Reader(subject.calibration),
                op_types_to_quantize=QUANTISED,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=method,
            )

        return make

    return {"Booth's": own} | {name: runtimes(method) for name, method in METHODS.items()}


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a ratio should not depend on who else uses the machine
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _answers(session: Any, squares: Pixels) -> Probabilities:
    starts = range(0, len(squares), BATCH)
    return np.concatenate([_run(session, squares[start : start + BATCH]) for start in starts])


def _run(session: Any, squares: Pixels) -> Probabilities:
    return np.asarray(session.run(["probabilities"], {"photo": squares})[0])


def _times(sessions: dict[str, Any], square: Pixels) -> dict[str, float]:
    """Each session's time as a share of the first one's, the median of rounds taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in sessions}
    for session in sessions.values():
        _run(session, square)  # the first run allocates
    for _ in range(ROUNDS):
        for name, session in sessions.items():
            start = time.perf_counter()
            for _ in range(4):
                _run(session, square)
            taken[name].append(time.perf_counter() - start)
    base, *_ = taken.values()
    return {
        name: statistics.median(mine / its for mine, its in zip(own, base, strict=True))
        for name, own in taken.items()
    }


def _divergence(wanted: Probabilities, found: Probabilities) -> float:
    """Mean Kullback-Leibler divergence of what was found from what was wanted, in nats."""
    ratio = np.log(np.maximum(wanted, 1e-12) / np.maximum(found, 1e-12))
    return float((wanted * ratio).sum(1).mean())


def _right(answers: Probabilities, targets: list[frozenset[int]]) -> float:
    return float(
        np.mean([int(row.argmax()) in of for row, of in zip(answers, targets, strict=True)])
    )


if __name__ == "__main__":
    measure()
