"""Bodies as DESIGN.md's HTTP contract writes them, and a service that answers with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import httpx

from booth_client import Accuracy, Card, Client, Input, Label, Source, Weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from booth_client import BoothError

PHOTO = b"\xff\xd8\xff\xe0 a photograph"
BOOTH = {"label": "Indoor booth", "category": "booth/indoor", "index": 61, "confidence": 0.72}
ANSWER = {
    "model": "places365",
    "version": "1",
    "predictions": [BOOTH],
    "environment": {"kind": "indoor", "confidence": 0.99},
    "timing_ms": {"decode": 1.4, "queue": 0.2, "inference": 2.9, "total": 4.8},
}
SUMMARY = {
    "name": "places365",
    "title": "Places365",
    "version": "1",
    "precision": "int8",
    "provider": "CPUExecutionProvider",
    "labels": 2,
    "scene": True,
    "default": True,
    "content": "photographs",
    "loaded": "a field that this client does not know",
}
SOURCE = Source(
    name="alexnet",
    title="AlexNet",
    year=2012,
    architecture="alexnet",
    labels=1000,
    scene=False,
    parameters=61_100_840,
    multiply_adds=714_188_480,
    published=Accuracy(dataset="ImageNet-1k validation", top1=0.56522, top5=0.79066),
    origin="torchvision",
    licence="BSD-3-Clause",
    command="booth pull alexnet",
)
CARD = Card(
    name="places365",
    title="Places365",
    version="1",
    architecture="resnet18",
    parameters=11_000_000,
    multiply_adds=1_800_000_000,
    precision="int8",
    input=Input(size=224, resize=256),
    labels=(
        Label(name="Indoor booth", category="booth/indoor", kind="indoor"),
        Label(name="Harbor", category="harbor", kind="outdoor"),
    ),
    weights=Weights(origin="MIT", sha256="0" * 64, licence="CC-BY-4.0"),
)
LAYER = {
    "name": "conv0",
    "kind": "convolution",
    "activation": "relu6",
    "inputs": [],
    "shape": [96, 96, 32],
    "kernel": [3, 3],
    "stride": [2, 2],
    "padding": [0, 0, 1, 1],
    "groups": 1,
    "input_channels": 3,
    "bias": True,
    "parameters": 896,
    "multiply_adds": 7962624,
    "receptive_field": {"size": [3, 3], "jump": [2, 2], "first_centre": [1.5, 1.5]},
    "has_filters": True,
}
BODIES: dict[str, Any] = {
    "/models/places365/layers": {
        "model": "places365",
        "version": "1",
        "input": {"size": 224, "resize": 256},
        "layers": [LAYER],
        "parameters": 896,
        "multiply_adds": 7962624,
    },
    "/models/places365/filters": {
        "model": "places365",
        "version": "1",
        "layer": "fc",
        "shape": [1, 1, 2, 4],
        "filters": [{"unit": 3, "kernel": [[[1.5, -2]]], "bias": None}],
    },
    "/classify": ANSWER,
    "/models": {"models": [SUMMARY]},
    "/models/places365": asdict(CARD),
    "/models/places365/labels": [asdict(label) for label in CARD.labels],
    "/sources": {"sources": [asdict(SOURCE)]},
    "/readyz": {},
}


def respond(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=BODIES[request.url.path])


def problem(error: BoothError) -> dict[str, Any]:
    return {
        "type": f"/problems/{error.kind}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }


def refusal(error: BoothError) -> httpx.Response:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
    return httpx.Response(error.status, json=problem(error), headers=headers)


def client(answer: Callable[[httpx.Request], httpx.Response], **given: Any) -> Client:
    return Client("http://booth.test", transport=httpx.MockTransport(answer), **given)
