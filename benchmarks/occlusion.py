"""Whether a unit loses most where the middle of its box is covered.

    python -m benchmarks.occlusion --photos PLACE [--count 10] [--units 3] [MODEL ...]

For each photograph and each layer whose boxes can lie within the view, those units that answer most
at a place whose box does: the table shows how far the centre of the loss lies from the middle of
the box, as a share of the box's side, the larger one of across and down.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from benchmarks.machine import describe
from benchmarks.photographs import read_photographs
from benchmarks.table import markdown
from models.card import Input
from models.shelf import find_model
from service.fleet.identity import read_model_file
from service.inspection.layer_network import Output, layer_network
from service.inspection.networks import ModelVersion, Networks
from service.inspection.occlusion import compute
from service.inspection.task import Job
from service.photo.formats import FORMATS
from service.runtimes.base import ModelFile
from service.settings import read_settings

__all__ = ["Place", "main", "offset", "places"]

NEAR = 0.25
_LEAST_SIDE = 5  # pixels of a box: of fewer, a patch of one pixel has hardly a place of its own
_MOST_SHARE = 0.75  # of the view, beyond which hardly a place's box lies within it


class Place(NamedTuple):
    """A unit, and the row and column where it answers most."""

    unit: int
    row: int
    column: int


def offset(told: dict[str, Any]) -> float | None:
    """How far the centre of an answer's loss lies from the middle of its box; None without one."""
    if told["centre"] is None:
        return None
    x, y, width, height = told["box"]
    across, down = told["centre"]
    return float(max(abs(across - x - width / 2) / width, abs(down - y - height / 2) / height))


def places(output: Output, size: int, count: int) -> Iterator[Place]:
    """The units that answer most at a place whose box lies within the view, at most ``count``."""
    layer, best = output.layer, output.raw.argmax(1)
    values = output.real(output.raw.max(1))
    found = 0
    for unit in np.argsort(-values, kind="stable").tolist():
        row, column = divmod(int(best[unit]), layer.shape[1])
        x, y, width, height = layer.receptive_field.box(row, column)
        if values[unit] > 0 and min(x, y) >= 0 and max(x + width, y + height) <= size:
            yield Place(unit, row, column)
            found += 1
        if found == count:
            return


def main() -> None:
    """Measure and print the table."""
    options = _parse()
    photos = list(read_photographs(options.photos, options.count).values())
    headings = ("model", "layer", "box", "units", "median", "largest", f"within {NEAR}")
    rows = []
    for model in options.models:
        file = read_model_file(find_model(model, read_settings().model_dir))
        rows += list(_rows(file, photos, options.units))
    print(describe())
    print(markdown(headings, rows))


def _rows(file: ModelFile, photos: list[bytes], count: int) -> Iterator[list[str]]:
    networks, wanted = Networks(), file.card.input
    network = layer_network(_job(file, photos[0], networks))
    layers = [
        layer
        for layer in network.layers.values()
        if _LEAST_SIDE <= layer.receptive_field.x.size <= _MOST_SHARE * wanted.size
        if layer.shape[0] > 1
    ]
    squares = [_job(file, photo, networks).decoded(memoryview(photo)).pixels for photo in photos]
    answered = [network(square, layers)[1] for square in squares]
    for at, layer in enumerate(layers):
        offsets: list[float] = []
        for photo, outputs in zip(photos, answered, strict=True):
            for place in places(outputs[at], wanted.size, count):
                asked = {"layer": layer.name, "unit": place.unit, "at": [place.row, place.column]}
                _, body = compute(_job(file, photo, networks, asked))
                found = offset(orjson.loads(body))
                offsets += [] if found is None else [found]
        if offsets:
            yield [file.card.name, layer.name, *_told(layer.receptive_field.x.size, offsets)]


def _told(side: float, offsets: list[float]) -> list[str]:
    near = sum(one <= NEAR for one in offsets)
    return [
        f"{side:.0f}",
        str(len(offsets)),
        f"{np.median(offsets):.2f}",
        f"{max(offsets):.2f}",
        f"{near / len(offsets):.0%}",
    ]


def _job(
    file: ModelFile, photo: bytes, networks: Networks, asked: dict[str, Any] | None = None
) -> Job:
    wanted: Input = file.card.input
    return Job(
        asked=asked or {},
        photos=[memoryview(photo)],
        model=ModelVersion(str(file.path), file.modified),
        wanted=wanted,
        max_pixels=64_000_000,
        formats=FORMATS,
        networks=networks,
        is_wanted=lambda: True,
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.occlusion", description=__doc__)
    parser.add_argument("models", nargs="*", default=["places365", "efficientnet_lite0"])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--units", type=int, default=3, help="of each layer and photograph")
    return parser.parse_args()


if __name__ == "__main__":
    main()
