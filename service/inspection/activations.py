"""What the units of layers answer to a photograph: their maps, and where each is largest."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from booth_client.wire import View
from models.finer import FinerConfidences
from service.inspection.layer_network import (
    LayerNetwork,
    Output,
    layer_named,
    layer_network,
)
from service.inspection.layers import Layer
from service.inspection.numbers import significant
from service.inspection.png import grey, grey_png, sheet
from service.inspection.task import MULTIPLY_ADDS_PER_S, Computed, Job, Task
from service.inspection.view import Sight, read_view

__all__ = [
    "EVERY_LAYER",
    "MAPS",
    "MOST_LAYERS",
    "MOST_UNITS",
    "Activations",
    "ActivationsTask",
    "Asked",
    "check_units",
    "compute",
]

EVERY_LAYER = "*"
MAPS = ("numbers", "png", "none")
MOST_LAYERS = 512
MOST_UNITS = 2048  # of a layer
_MOST_OF_ALL = 8192  # units of all layers: some 2 MB of JSON
_MOST_NUMBERS = 200_000  # of maps: some 1.5 MB of JSON
_MOST_PIXELS = 4_000_000  # of maps as pictures
_UNIT_S = 3e-5


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of layers.

    Attributes:
        layers: their names; ``EVERY_LAYER`` stands for all.
        units: as many of each layer, those of the largest values; 0 for all.
        unit: these units instead, in this order.
        maps: one of ``MAPS``.
        as_sheet: whether one picture of all maps of the one layer is the whole answer.

    """

    layers: tuple[str, ...]
    units: int
    unit: tuple[int, ...]
    maps: str
    as_sheet: bool

    def of(self, layer: Layer) -> int:
        """How many units of a layer are asked for."""
        return len(self.unit) or min(self.units or layer.shape[2], layer.shape[2])


@dataclass(frozen=True, slots=True)
class Activations:
    """The answer.

    Attributes:
        view: what the network saw of the photograph.
        probabilities: K, of the labels.
        content: the layers as JSON, or the sheet as PNG.
        decode_s: seconds that decoding took.
        inference_s: seconds that the network and the maps took.

    """

    view: View
    probabilities: NDArray[np.float32]
    content: bytes
    decode_s: float
    inference_s: float


@dataclass(frozen=True, slots=True)
class ActivationsTask(Task[Activations]):
    """Activations of one photograph.

    Attributes:
        question: what is asked of the layers.

    """

    what: ClassVar[str] = "activations"
    most_bytes: ClassVar[int] = 1 << 24

    question: Asked

    def asked(self) -> dict[str, Any]:
        """The question, field by field."""
        one = self.question
        return {
            "layers": one.layers,
            "units": one.units,
            "unit": one.unit,
            "maps": one.maps,
            "as_sheet": one.as_sheet,
        }

    def read(self, fields: dict[str, Any], body: bytes) -> Activations:
        """The answer."""
        probabilities = np.frombuffer(body, np.float32, int(fields["labels"]))
        view = read_view(fields["view"])
        left, top, width, height = view.box
        box = left, top, left + width, top + height
        return Activations(
            view,
            FinerConfidences(self.subject.card)(probabilities, box),
            body[probabilities.nbytes :],
            float(fields["decode_s"]),
            float(fields["inference_s"]),
        )

    def work_s(self) -> float:
        """A plain run, and the maps as far as they are known without the file."""
        card, size = self.subject.card, self.subject.card.input.size
        network_s = card.multiply_adds / MULTIPLY_ADDS_PER_S
        return self.subject.decode_s(size) + network_s + _UNIT_S * self.question.units

    def run_bytes(self) -> int:
        """Of the decoded photograph, and twice those of a run: all layers stay."""
        subject, size = self.subject, self.subject.card.input.size
        return subject.decode_bytes(size) + 2 * subject.map_bytes(size**2)


def compute(job: Job) -> Computed:
    """Run the network once, and tell of the layers that are asked for."""
    asked = Asked(
        tuple(job.asked["layers"]),
        job.asked["units"],
        tuple(job.asked["unit"]),
        job.asked["maps"],
        job.asked["as_sheet"],
    )
    network = layer_network(job)
    wanted = _wanted(network, asked)
    start = time.perf_counter()
    decoded = job.decoded(job.photos[0])
    between = time.perf_counter()
    job.stop_if_unwanted()
    probabilities, outputs = network(decoded.pixels, wanted)
    sight = Sight(decoded.seen, job.wanted.size)
    content = _sheet(outputs[0], asked) if asked.as_sheet else _json(outputs, asked, sight)
    times = {"decode_s": between - start, "inference_s": time.perf_counter() - between}
    told = {"view": sight.view, "labels": probabilities.size, **times}
    return told, probabilities.tobytes() + content


def _wanted(network: LayerNetwork, asked: Asked) -> list[Layer]:
    every = network.layers
    names = every if asked.layers == (EVERY_LAYER,) else asked.layers
    wanted = [layer_named(every, name) for name in names]
    for layer in wanted:
        check_units(layer, asked.unit)
    _bound(wanted, asked)
    return wanted


def check_units(layer: Layer, units: Sequence[int]) -> None:
    """Look whether a layer has some units.

    Raises:
        InvalidParameter: it hasn't.

    """
    count = layer.shape[2]
    if units and max(units) >= count:
        raise InvalidParameter(
            f"The units of layer {layer.name} are 0 to {count - 1}; there is no unit {max(units)}."
        )


def _bound(wanted: Sequence[Layer], asked: Asked) -> None:
    """Refuse what would make too large an answer."""
    if any(asked.of(layer) > MOST_UNITS for layer in wanted):
        raise InvalidParameter(
            f"An answer has at most {MOST_UNITS} units of a layer; ask for units={MOST_UNITS}."
        )
    if sum(map(asked.of, wanted)) > _MOST_OF_ALL:
        raise InvalidParameter(
            f"An answer has at most {_MOST_OF_ALL} units; ask for fewer of each layer, as with "
            f"units={max(1, _MOST_OF_ALL // len(wanted))}, or for fewer layers."
        )
    numbers = sum(asked.of(layer) * _places(layer) for layer in wanted)
    is_picture = asked.as_sheet or asked.maps == "png"
    most = _MOST_PIXELS if is_picture else _MOST_NUMBERS
    if numbers > most and (is_picture or asked.maps == "numbers"):
        units = most // max(1, sum(_places(layer) for layer in wanted))
        instead = f"units={units} or maps=none" if units else "fewer layers, or maps=none"
        raise InvalidParameter(
            f"Those maps have {numbers} places, and an answer has at most {most} of them as "
            f"{'pictures' if is_picture else 'numbers'}; {instead} would do."
        )


def _places(layer: Layer) -> int:
    return layer.shape[0] * layer.shape[1]


def _sheet(output: Output, asked: Asked) -> bytes:
    chosen = _chosen(output.raw.max(1), asked)
    height, width, _ = output.layer.shape
    tiles = output.real(output.raw[chosen]).reshape(-1, height, width)
    return grey_png(sheet(grey(tiles)))


def _json(outputs: Sequence[Output], asked: Asked, sight: Sight) -> bytes:
    told = [_told(output, asked, sight) for output in outputs]
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)


def _chosen(largest: NDArray[Any], asked: Asked) -> NDArray[np.intp]:
    """The units that are asked for, by the largest value of each."""
    if asked.unit:
        return np.array(asked.unit, np.intp)
    order = np.argsort(-largest.astype(np.float32), kind="stable")
    return order[: asked.units or None]


def _told(output: Output, asked: Asked, sight: Sight) -> dict[str, Any]:
    """One layer of the answer."""
    layer, raw = output.layer, output.raw
    largest = raw.max(1)
    chosen = _chosen(largest, asked)
    some = raw[chosen]
    rows, columns = np.divmod(some.argmax(1), layer.shape[1])
    values = significant(output.real(largest[chosen])).tolist()
    means = significant(output.real(some.mean(1, dtype=np.float64))).tolist()
    units = [
        {
            "unit": unit,
            "value": value,
            "mean": mean,
            "at": [row, column],
            "box": sight.on_photo(sight.clipped(layer.receptive_field, row, column)),
        }
        for unit, value, mean, row, column in zip(
            chosen.tolist(), values, means, rows.tolist(), columns.tolist(), strict=True
        )
    ]
    if asked.maps != "none":
        _add_maps(units, output.real(some).reshape(-1, *layer.shape[:2]), asked.maps)
    return {"layer": layer.name, "shape": layer.shape, "units": units}


def _add_maps(units: Sequence[dict[str, Any]], maps: NDArray[np.float32], kind: str) -> None:
    if kind == "numbers":
        for unit, one in zip(units, significant(maps).astype(np.float32), strict=True):
            unit["map"] = one
        return
    flat = maps.reshape(len(maps), -1)
    least, most = significant(flat.min(1)).tolist(), significant(flat.max(1)).tolist()
    if flat.shape[1] == 1:  # a picture of one place says nothing that its value does not
        return
    for unit, pixels, lowest, highest in zip(units, grey(maps), least, most, strict=True):
        unit["map"] = "data:image/png;base64," + base64.b64encode(grey_png(pixels)).decode()
        unit["least"], unit["most"] = lowest, highest
