"""Hugging Face's client for Python, unchanged, sync and async. Gradio brings it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import serving_inside
from tests.service.asking import BLUE, RED
from tests.service.conftest import tiny_card, write_tiny

hub = pytest.importorskip(
    "huggingface_hub", reason="the page's Gradio, which brings it, is missing"
)

# What it warns of is its own: it hands bytes to its HTTP library in a way that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = write_tiny(tmp_path_factory.mktemp("models") / "tiny.onnx", tiny_card())
    with serving_inside(models=model, api_keys="secret") as running:
        yield f"{running.url}/hf/tiny"


def labels(found: list[Any]) -> list[str]:
    assert all(0 <= one.score <= 1 for one in found)
    return [one.label for one in found]


def test_labels_of_a_file_and_of_bytes(url: str, tmp_path: Path) -> None:
    photo = tmp_path / "red.png"
    photo.write_bytes(RED)
    client = hub.InferenceClient(model=url, token="secret")  # noqa: S106 (of this test)
    assert labels(client.image_classification(str(photo)))[0] == "Red"
    (first,) = client.image_classification(BLUE, top_k=1)
    assert (first.label, first.category, first.index) == ("Blue", "blue", 2)
    assert first.score == pytest.approx(1, abs=0.01)
    based = hub.InferenceClient(base_url=url, api_key="secret")
    found = based.image_classification(RED, function_to_apply="softmax", top_k=2)
    assert (labels(found)[0], len(found)) == ("Red", 2)


def test_labels_while_others_are_asked_for(url: str) -> None:
    async def ask() -> list[list[str]]:
        client = hub.AsyncInferenceClient(model=url, token="secret")  # noqa: S106 (of this test)
        async with client:
            asked = (client.image_classification(photo, top_k=1) for photo in (RED, BLUE))
            return [labels(one) for one in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [["Red"], ["Blue"]]


@pytest.mark.parametrize(
    ("path", "token", "sentence"),
    [
        ("", "secret", "This is text, which is not decoded here"),
        ("x", "secret", "There is no model 'tinyx'; did you mean 'tiny'?"),
        ("", "wrong", "Send a valid key"),
    ],
)
def test_an_error_tells_its_sentence(url: str, path: str, token: str, sentence: str) -> None:
    client = hub.InferenceClient(model=url + path, token=token)
    with pytest.raises(hub.errors.HfHubHTTPError) as told:
        client.image_classification(b"no photograph", top_k=1)
    assert sentence in str(told.value)
    assert "Request ID:" in str(told.value)
