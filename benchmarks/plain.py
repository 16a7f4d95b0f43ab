"""The endpoint that most people write: FastAPI, Pillow and an ONNX Runtime session, no batching.

Run as ``python benchmarks/plain.py MODEL.onnx PORT``; it answers ``POST /classify``.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image

from models.card import METADATA_KEY, Card

app = FastAPI()


class Plain:
    """What such an endpoint does for one photograph."""

    def __init__(self, path: str) -> None:
        self.session = ort.InferenceSession(path)
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.card = Card.from_json(metadata[METADATA_KEY])

    def predict(self, photo: bytes) -> dict[str, Any]:
        """The first five labels."""
        pixels = self.preprocess(Image.open(io.BytesIO(photo)).convert("RGB"))
        (probabilities,) = self.session.run(["probabilities"], {"photo": pixels})
        best = np.argsort(-probabilities[0])[:5]
        return {
            "predictions": [
                {"label": self.card.labels[i].name, "confidence": float(probabilities[0][i])}
                for i in best
            ]
        }

    def preprocess(self, image: Image.Image) -> Any:
        """Resize the shorter side, cut the middle out: 1 x S x S x 3."""
        wanted = self.card.input
        scale = wanted.resize / min(image.size)
        size = round(image.width * scale), round(image.height * scale)
        image = image.resize(size, Image.Resampling.BICUBIC)
        left, top = (size[0] - wanted.size) // 2, (size[1] - wanted.size) // 2
        cut = image.crop((left, top, left + wanted.size, top + wanted.size))
        return np.asarray(cut)[None]


@app.post("/classify")
async def classify(request: Request) -> dict[str, Any]:
    """Label one photograph."""
    return await run_in_threadpool(app.state.plain.predict, await request.body())


if __name__ == "__main__":
    app.state.plain = Plain(sys.argv[1])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
