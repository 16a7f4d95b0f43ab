from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from benchmarks import gallery
from benchmarks.gallery import (
    FOLDER,
    MODELS,
    Layer,
    agreement,
    layers_of,
    neighbours,
    read_names,
    sheet,
    spread,
    write_map,
)
from tests.conftest import ROOT

# Terms under which a photograph may be passed on, cut and put together with others.
FREE = re.compile(r"public domain|CC0 1\.0|CC BY(-SA)? [234]\.0")


def _photo(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


def test_the_sheet_has_rows_of_twelve() -> None:
    with Image.open(io.BytesIO(sheet([_photo("white")] * 12 + [_photo("red")]))) as made:
        assert made.size == (12 * 128, 2 * 128)
        red, green, blue = made.convert("RGB").getpixel((64, 192))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 50


def test_what_lies_on_one_place_is_moved_apart() -> None:
    crowd = np.array([[0, 0], [0, 0], [0.1, 0], [5, 5], [10, 2]], float)
    placed = spread(crowd, room=0.2)
    assert ((placed > 0) & (placed < 1)).all()
    across = np.abs(placed[:, None] - placed[None]) * [4, 3]
    apart = across.max(axis=2)[np.triu_indices(5, 1)]
    assert (apart > 0.198).all()


def test_neighbours_are_by_the_angle_not_by_the_length() -> None:
    features = np.array([[1, 0], [9, 1], [0, 1], [1, 5]], float)
    assert neighbours(features).tolist() == [[1, 3, 2], [0, 3, 2], [3, 1, 0], [2, 1, 0]]
    assert agreement(features, ["a", "a", "b", "b"], 1) == 1
    assert agreement(features, ["a", "a", "b", "b"], 2) == 0.5


def test_a_map_says_what_its_bytes_stand_for(tmp_path: Path) -> None:
    features = np.array([[0, 2], [1, 0.5]])
    layer = Layer("conv0", features, np.array([[0.1, 0.2], [0.33333, 1]]))
    write_map(tmp_path, {"model": "small", "version": "3"}, [layer], ["a", "b"])
    assert json.loads((tmp_path / "small.json").read_text()) == {
        "model": "small",
        "version": "3",
        "layers": [
            {
                "name": "conv0",
                "size": 2,
                "most": 2.0,
                "agreement": 0.0,
                "positions": [[0.1, 0.2], [0.3333, 1.0]],
            }
        ],
    }
    assert (tmp_path / "small.bin").read_bytes() == bytes([0, 255, 128, 64])


def test_the_first_layer_and_the_last_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models/small/layers":
            return httpx.Response(200, json={"layers": [{"name": "conv1"}, {"name": "fc"}]})
        assert request.url.params["model"] == "small"
        first = request.url.params.get("layer") == "conv1"
        return httpx.Response(200, json={"features": [request.content[0], 1 if first else 2]})

    monkeypatch.setattr(gallery, "_tsne", lambda features: features)
    transport = httpx.MockTransport(answer)
    with httpx.Client(transport=transport, base_url="http://booth") as service:
        first, last = layers_of(service, "small", [b"\1", b"\5"])
    assert (first.name, first.features.tolist()) == ("conv1", [[1, 1], [5, 1]])
    assert (last.name, last.features.tolist()) == (None, [[1, 2], [5, 2]])


def shipped(model: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((FOLDER / f"{model}.json").read_text(encoding="utf-8"))
    return said


@pytest.mark.parametrize("model", MODELS)
def test_the_maps_are_of_the_weights_that_ship(model: str) -> None:
    weights = hashlib.sha256((ROOT / f"models/zoo/{model}.onnx").read_bytes()).hexdigest()
    assert shipped(model)["weights"] == weights


@pytest.mark.parametrize("model", MODELS)
def test_neighbours_by_the_last_layer_are_alike_and_by_the_first_are_not(model: str) -> None:
    names, kinds = read_names(FOLDER)
    packed = np.frombuffer((FOLDER / f"{model}.bin").read_bytes(), np.uint8)
    sizes = [layer["size"] for layer in shipped(model)["layers"]]
    parts = np.split(packed, np.cumsum([len(names) * size for size in sizes])[:-1])
    shares = [agreement(part.reshape(len(names), -1).astype(float), kinds, 3) for part in parts]
    assert shares == pytest.approx(
        [layer["agreement"] for layer in shipped(model)["layers"]], abs=0.01
    )
    first, last = shares
    assert last > 3 * first
    assert last > 0.5


def test_each_photograph_has_an_author_and_free_terms() -> None:
    with (FOLDER / "pictures.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len({row["name"] for row in rows}) == len({row["shows"] for row in rows}) == 120
    assert all(row["author"] and row["source"] for row in rows)
    assert all(FREE.fullmatch(row["licence"]) for row in rows)
    assert all(row["terms"].startswith("https://") for row in rows)
    with Image.open(FOLDER / "sheet.jpg") as made:
        assert made.size == (12 * 128, 10 * 128)
    assert (FOLDER / "sheet.jpg").stat().st_size < 350_000
