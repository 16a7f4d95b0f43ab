"""Lays out the photographs of the page's map, and measures what the layouts are worth.

    booth serve & python -m benchmarks.gallery ORIGINALS [--url http://127.0.0.1:8000]

ORIGINALS is a folder with the photographs as their authors published them, each under the name that
``demo/assets/gallery/pictures.tsv`` has for it; the README beside that says where they are from.
Asks a running service for the features of each, by the first layer and by the last, and writes what
the page reads: the sheet of thumbnails, and for each model two layouts and the features themselves.
Prints how often the nearest neighbours are of the same kind.

The layouts are t-SNE's (van der Maaten and Hinton 2008), by cosine distance, moved apart until no
thumbnail covers another. It needs openTSNE, which the extra ``gallery`` brings.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.systems import ROOT
from benchmarks.table import markdown

__all__ = [
    "Layer",
    "agreement",
    "layers_of",
    "main",
    "neighbours",
    "read_names",
    "sheet",
    "spread",
    "write_map",
]

FOLDER = ROOT / "demo/assets/gallery"
MODELS = ("places365", "efficientnet_lite0")
HEADINGS = ("model", "layer", "numbers", "nearest of its kind", "of the three nearest")

Numbers = NDArray[np.floating[Any]]

# The page shows the thumbnails at half this size, on screens of two dots a pixel.
_SIDE = 128
_COLUMNS = 12
_QUALITY = 62
# The map is four wide and three high; a thumbnail, with what is around it, this much.
_SHAPE = np.array([4.0, 3.0])
_ROOM = 0.215
_PERPLEXITY = 10
_STEPS = 500
_NEAREST = 3


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What one layer makes of the photographs.

    Attributes:
        name: as ``GET /models/{name}/layers`` has it; None for the features that are classified.
        features: N x D, none below 0.
        positions: N x 2, each from 0 to 1 across a map four wide and three high.

    """

    name: str | None
    features: Numbers
    positions: Numbers


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, lay out, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("originals", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    given = parser.parse_args(arguments)
    names, kinds = read_names(FOLDER)
    photos = [_photo(given.originals, name).read_bytes() for name in names]
    (FOLDER / "sheet.jpg").write_bytes(sheet(photos))
    rows = []
    with httpx.Client(base_url=given.url, timeout=60) as service:
        for model in MODELS:
            layers = layers_of(service, model, photos)
            write_map(FOLDER, _version(service, model), layers, kinds)
            rows += [_row(model, layer, kinds) for layer in layers]
    print(markdown(HEADINGS, rows))


def read_names(folder: Path) -> tuple[list[str], list[str]]:
    """The names and the kinds of the photographs, in the order of the table."""
    with (folder / "pictures.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["name"] for row in rows], [row["kind"] for row in rows]


def _photo(folder: Path, name: str) -> Path:
    found = sorted(folder.glob(f"{name}.*"))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} should have one photograph {name}; it has {len(found)}.")
    return found[0]


def sheet(photos: Sequence[bytes]) -> bytes:
    """A JPEG of the thumbnails, in rows of twelve."""
    rows = -(-len(photos) // _COLUMNS)
    whole = Image.new("RGB", (_COLUMNS * _SIDE, rows * _SIDE))
    for index, photo in enumerate(photos):
        with Image.open(io.BytesIO(photo)) as opened:
            small = ImageOps.fit(opened.convert("RGB"), (_SIDE, _SIDE), Image.Resampling.LANCZOS)
        whole.paste(small, (index % _COLUMNS * _SIDE, index // _COLUMNS * _SIDE))
    packed = io.BytesIO()
    whole.save(packed, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return packed.getvalue()


def layers_of(service: httpx.Client, model: str, photos: Sequence[bytes]) -> list[Layer]:
    """Ask what the first layer and the last make of the photographs, and lay them out.

    Raises:
        httpx.HTTPError: the service is away, or refuses.

    """
    layers = service.get(f"/models/{model}/layers").raise_for_status().json()["layers"]
    return [_layer(service, model, photos, name) for name in (layers[0]["name"], None)]


def _version(service: httpx.Client, model: str) -> dict[str, str]:
    card = service.get(f"/models/{model}").raise_for_status().json()
    weights = hashlib.sha256((ROOT / f"models/zoo/{model}.onnx").read_bytes()).hexdigest()
    return {"model": model, "version": card["version"], "weights": weights}


def _layer(service: httpx.Client, model: str, photos: Sequence[bytes], name: str | None) -> Layer:
    features = np.array([_features(service, model, photo, name) for photo in photos])
    return Layer(name, features, spread(_tsne(features)))


def _features(service: httpx.Client, model: str, photo: bytes, layer: str | None) -> list[float]:
    query = {"model": model, **({"layer": layer} if layer else {})}
    answer = service.post("/features", params=query, content=photo).raise_for_status()
    numbers: list[float] = answer.json()["features"]
    return numbers


def _tsne(features: Numbers) -> Numbers:
    from openTSNE import TSNE

    settings = TSNE(perplexity=_PERPLEXITY, metric="cosine", random_state=1, exaggeration=1.5)
    return np.asarray(settings.fit(features))


def spread(positions: Numbers, room: float = _ROOM) -> Numbers:
    """Positions across the whole map, moved apart until no thumbnail covers another.

    Args:
        positions: N x 2, of any scale.
        room: the side of a thumbnail's own square, on a map four wide and three high.

    """
    least, extent = positions.min(0), np.maximum(np.ptp(positions, axis=0), 1e-9)
    margin = room / 2
    placed = margin + (positions - least) / extent * (_SHAPE - room)
    for _ in range(_STEPS):
        if not _push(placed, room):
            break
        np.clip(placed, margin, _SHAPE - margin, out=placed)
    return np.asarray(placed / _SHAPE)


def _push(placed: Numbers, room: float) -> bool:
    """Move those that cover each other apart, where they do so least; whether any did."""
    moved = False
    for one in range(len(placed)):
        for other in range(one + 1, len(placed)):
            across = placed[one] - placed[other]
            missing = room - np.abs(across)
            axis = int(missing.argmin())
            if missing[axis] > room / 200:
                step = missing[axis] / 2 * (1 if across[axis] >= 0 else -1)
                placed[one, axis] += step
                placed[other, axis] -= step
                moved = True
    return moved


def write_map(
    folder: Path, model: dict[str, str], layers: Sequence[Layer], kinds: Sequence[str]
) -> None:
    """Write what the page reads of a model.

    ``MODEL.json`` has the layouts. ``MODEL.bin`` has the features, layer after layer, photograph
    after photograph, a byte each: 255 stands for the layer's ``most``.
    """
    said = [_said(layer, kinds) for layer in layers]
    name = model["model"]
    text = json.dumps({**model, "layers": said}, separators=(",", ":"))
    (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    (folder / f"{name}.bin").write_bytes(b"".join(_bytes(one.features) for one in layers))


def _said(layer: Layer, kinds: Sequence[str]) -> dict[str, Any]:
    return {
        "name": layer.name,
        "size": layer.features.shape[1],
        "most": float(layer.features.max()),
        "agreement": round(agreement(layer.features, kinds, _NEAREST), 4),
        "positions": np.round(layer.positions, 4).tolist(),
    }


def _bytes(features: Numbers) -> bytes:
    packed: bytes = np.round(features / features.max() * 255).astype(np.uint8).tobytes()
    return packed


def neighbours(features: Numbers) -> NDArray[np.intp]:
    """The others of each, the nearest by cosine distance first: N x (N - 1)."""
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances = 1 - directions @ directions.T
    np.fill_diagonal(distances, -np.inf)  # itself, which comes first
    order: NDArray[np.intp] = distances.argsort(axis=1, kind="stable")
    return order[:, 1:]


def agreement(features: Numbers, kinds: Sequence[str], nearest: int) -> float:
    """The share of the ``nearest`` neighbours that are of the photograph's own kind."""
    names = np.array(kinds)
    return float((names[neighbours(features)[:, :nearest]] == names[:, None]).mean())


def _row(model: str, layer: Layer, kinds: Sequence[str]) -> tuple[str, ...]:
    shares = (agreement(layer.features, kinds, nearest) for nearest in (1, _NEAREST))
    said = [f"{int(100 * share + 0.5)} %" for share in shares]
    return model, layer.name or "the last", str(layer.features.shape[1]), *said


if __name__ == "__main__":
    main()
