"""What a layer says of whole photographs: each unit's mean over its places."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from booth_client.errors import BadRequest, BoothError
from service.inspection.layer_network import layer_named, layer_network
from service.inspection.task import MULTIPLY_ADDS_PER_S, Computed, Job, Task
from service.photo.process import error_named

__all__ = ["LayerFeatures", "LayerFeaturesTask", "compute"]

_MOST_DETAIL = 500  # characters of what is wrong with a photograph


@dataclass(frozen=True, slots=True)
class LayerFeatures:
    """The answer.

    Attributes:
        each: of each photograph its features, or what is wrong with it.
        decode_s: seconds that decoding took.
        inference_s: seconds that the network took.

    """

    each: list[NDArray[np.float32] | BoothError]
    decode_s: float
    inference_s: float


@dataclass(frozen=True, slots=True)
class LayerFeaturesTask(Task[LayerFeatures]):
    """The features of some photographs in one layer.

    Attributes:
        layer: its name.

    """

    what: ClassVar[str] = "features"
    most_bytes: ClassVar[int] = 1 << 24

    layer: str

    def asked(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.layer}

    def read(self, fields: dict[str, Any], body: bytes) -> LayerFeatures:
        """The answer: a row for each photograph, and behind them what is wrong with some."""
        count, size = len(self.subject.photos), int(fields["size"])
        rows = np.frombuffer(body, np.float32, count * size).reshape(count, size)
        wrong = {at: error_named(*one) for at, one in orjson.loads(body[rows.nbytes :])}
        each: list[NDArray[np.float32] | BoothError] = [
            wrong.get(at, row) for at, row in enumerate(rows)
        ]
        return LayerFeatures(each, float(fields["decode_s"]), float(fields["inference_s"]))

    def work_s(self) -> float:
        """A plain run for each."""
        card = self.subject.card
        network_s = len(self.subject.photos) * card.multiply_adds / MULTIPLY_ADDS_PER_S
        return self.subject.decode_s(card.input.size) + network_s

    def run_bytes(self) -> int:
        """Of one decoded photograph, and twice those of a run: all layers stay."""
        subject, size = self.subject, self.subject.card.input.size
        return subject.decode_bytes(size) + 2 * subject.map_bytes(size**2)


def compute(job: Job) -> Computed:
    """Run the network on one photograph after the other."""
    network = layer_network(job)
    layer = layer_named(network.layers, job.asked["layer"])
    rows = np.zeros((len(job.photos), layer.shape[2]), np.float32)
    wrong: list[tuple[int, tuple[str, str]]] = []
    decode_s = inference_s = 0.0
    for at, photo in enumerate(job.photos):
        job.stop_if_unwanted()
        start = time.perf_counter()
        try:
            pixels = job.decoded(photo).pixels
        except BadRequest as error:
            wrong.append((at, (type(error).__name__, error.detail[:_MOST_DETAIL])))
            continue
        between = time.perf_counter()
        _, (output,) = network(pixels, [layer])
        rows[at] = output.real(output.raw.mean(1, dtype=np.float64))
        decode_s += between - start
        inference_s += time.perf_counter() - between
    told = {"size": layer.shape[2], "decode_s": decode_s, "inference_s": inference_s}
    return told, rows.tobytes() + orjson.dumps(wrong)
