"""What every peer does with a photograph: the same decoding, the same session, the same answer.

It needs NumPy, Pillow and ONNX Runtime alone, so that it runs in every peer's environment, and does
the work as well as Pillow lets it: a large JPEG is decoded at a fraction of its size, and only the
pixels that the network sees are resized.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import onnxruntime as ort
from PIL import Image

__all__ = ["Settings", "Work", "cores"]

FIRST = 5
RESAMPLE = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """What can be tried of a peer, each as an environment variable: ``PEER_WORKERS=1``.

    Attributes:
        workers: processes that decode and run.
        threads: of one run.
        batch: photographs in one run at most.
        window_ms: how long the first photograph of a batch waits for company.

    """

    workers: int = cores()
    threads: int = 1
    batch: int = 1
    window_ms: int = 0

    @classmethod
    def read(cls, **best: int) -> Settings:
        """The settings given, over those that did best here, over the defaults."""
        names = {field.name: f"PEER_{field.name.upper()}" for field in fields(cls)}
        given = {name: int(os.environ[key]) for name, key in names.items() if key in os.environ}
        return cls(**{**best, **given})


class Work:
    """A model file that answers photographs.

    Args:
        path: the ``.onnx`` file; its card says how it wants photographs and names its labels.
        threads: CPU threads of one run; 0 lets ONNX Runtime take all cores.

    """

    def __init__(self, path: str, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1 if threads else 0
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        card = json.loads(self.session.get_modelmeta().custom_metadata_map["booth.card"])
        self.labels: list[str] = [label["name"] for label in card["labels"]]
        self.size: int = card["input"]["size"]
        self._resize: int = card["input"]["resize"]
        self._resample = RESAMPLE[card["input"].get("interpolation", "bilinear")]

    def decode(self, photo: bytes) -> Any:
        """The square that the network sees: uint8, S x S x 3, RGB."""
        return self.square(Image.open(io.BytesIO(photo)))

    def square(self, image: Image.Image) -> Any:
        """As ``decode``, of a file that has been opened and not yet decoded."""
        image.draft("RGB", (self._resize, self._resize))
        rgb = image.convert("RGB")
        side = min(rgb.size) * self.size / self._resize
        left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
        box = left, top, left + side, top + side
        return np.asarray(rgb.resize((self.size, self.size), self._resample, box=box))

    def run(self, pixels: Sequence[Any]) -> Any:
        """Probabilities of N photographs: float32, N x K."""
        (probabilities,) = self.session.run(["probabilities"], {"photo": np.stack(pixels)})
        return probabilities

    def answer(self, probabilities: Any) -> dict[str, Any]:
        """The first five labels of one photograph's K probabilities."""
        best = np.argsort(-probabilities)[:FIRST]
        return {
            "predictions": [
                {"label": self.labels[i], "confidence": float(probabilities[i])} for i in best
            ]
        }

    def predict(self, photo: bytes) -> dict[str, Any]:
        """One photograph's answer."""
        return self.answer(self.run([self.decode(photo)])[0])

    def predict_batch(self, photos: Sequence[bytes]) -> list[dict[str, Any]]:
        """The answers of several photographs, from one run."""
        return [self.answer(row) for row in self.run([self.decode(photo) for photo in photos])]

    def warm_up(self, batch_sizes: Sequence[int] = (1,)) -> None:
        """Run each batch size once."""
        for size in batch_sizes:
            self.run([np.zeros((self.size, self.size, 3), np.uint8)] * size)
