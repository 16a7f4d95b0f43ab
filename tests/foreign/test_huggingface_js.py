"""Hugging Face's client for JavaScript, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.foreign import ask_node, node_modules
from tests.servers import serving_inside
from tests.service.asking import RED
from tests.service.conftest import tiny_card, write_tiny

SCRIPT = """
import { readFileSync } from "node:fs";
import { InferenceClient } from "@huggingface/inference";

const [url, file] = process.argv.slice(2);
const photo = new Blob([readFileSync(file)], { type: "image/png" });
const ask = async (endpointUrl, data, token = "secret") => {
  try {
    const client = new InferenceClient(token);
    const found = await client.imageClassification({ endpointUrl, data });
    return found.map((one) => [one.label, one.score > 0.98]);
  } catch (error) {
    return `${error.message} ${JSON.stringify(error.httpResponse?.body ?? "")}`;
  }
};
console.log(JSON.stringify([
  await ask(url, photo),
  await ask(`${url}?top_k=1`, photo),
  await ask(url, new Blob(["no photograph"])),
  await ask(url, photo, "wrong"),
]));
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    model = write_tiny(tmp_path / "tiny.onnx", tiny_card())
    with serving_inside(models=model, api_keys="secret") as running:
        yield f"{running.url}/hf/tiny"


def test_labels_parameters_in_the_address_and_errors(url: str, tmp_path: Path) -> None:
    modules = node_modules("@huggingface/inference@4.13.30")
    photo = tmp_path / "red.png"
    photo.write_bytes(RED)
    found, one, text, wrong = ask_node(modules, SCRIPT, url, str(photo))
    assert found[0] == ["Red", True]
    assert len(found) == 3
    assert one == [["Red", True]]
    assert "This is text, which is not decoded here" in text
    assert "Send a valid key" in wrong
