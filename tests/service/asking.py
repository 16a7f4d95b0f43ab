"""What the tests of the service send, and how they read what it answers."""

from __future__ import annotations

import io
from typing import Any

import httpx
from PIL import Image

__all__ = [
    "BLUE",
    "PROBLEM",
    "RED",
    "coloured",
    "first",
    "problem",
    "replace_network",
    "samples",
    "total",
]

PROBLEM = {"type", "title", "status", "detail", "error"}


def coloured(colour: str | tuple[int, int, int], side: int = 20, form: str = "PNG") -> bytes:
    """A photograph of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, form)
    return file.getvalue()


def first(answer: dict[str, object]) -> object:
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    return predictions[0]["label"]


def problem(response: httpx.Response, status: int, kind: str) -> str:
    """Checks the one shape of all errors and gives the sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == PROBLEM
    assert (body["type"], body["status"]) == (f"/problems/{kind}", status)
    assert body["error"] == body["detail"]
    assert body["detail"].endswith((".", "?"))
    return str(body["detail"])


RED, BLUE = coloured("red"), coloured("blue")


def replace_network(classifier: Any, network: Any) -> None:
    classifier.batcher._run = classifier.batcher._run_alone = network


def samples(url: str) -> dict[str, float]:
    """The page of metrics: ``name{labels}`` to value."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def total(page: dict[str, float], name: str) -> float:
    return sum(value for key, value in page.items() if key.partition("{")[0] == name)
