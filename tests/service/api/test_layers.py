"""The routes that tell what a network is made of."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from booth_client import Client
from tests.service.asking import problem


def test_layers_and_filters_through_the_client(server: str) -> None:
    with Client(server) as booth:
        found = booth.layers("places365")
        filters = booth.filters("places365", "conv0", [3, 1])
        card = booth.card("places365")
    assert found.input == card.input
    assert found.multiply_adds == card.multiply_adds
    assert found.parameters == sum(layer.parameters for layer in found.layers) == 3_817_565
    first, *_, last = found.layers
    assert (first.name, first.shape, first.inputs) == ("conv0", [96, 96, 32], [])
    assert first.receptive_field.size == [3, 3]
    assert (last.kind, last.shape) == ("fully connected", [1, 1, 365])
    assert filters.shape == [3, 3, 3, 32]
    assert [one.unit for one in filters.filters] == [3, 1]
    kernel = filters.filters[0].kernel
    assert (len(kernel), len(kernel[0]), len(kernel[0][0])) == (3, 3, 3)


def test_a_sheet_is_sent_to_who_accepts_a_picture(server: str) -> None:
    with httpx.Client(
        base_url=f"{server}/models/places365", headers={"Accept": "image/png"}
    ) as http:
        first = http.get("/filters", params={"layer": "conv0"})
        second = http.get("/filters", params={"layer": "conv5", "unit": 3})
        rather = {"Accept": "application/json, image/png"}
        numbers = http.get("/filters", params={"layer": "conv5", "unit": 3}, headers=rather)
    assert first.headers["content-type"] == second.headers["content-type"] == "image/png"
    assert numbers.headers["content-type"] == "application/json"
    sheet = Image.open(io.BytesIO(first.content))
    assert (sheet.size, sheet.mode) == ((6 * 49 + 1, 6 * 49 + 1), "RGB")
    assert Image.open(io.BytesIO(second.content)).mode == "L"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("layers?layer=conv0", "There is no parameter 'layer'"),
        ("filters", "layer is missing"),
        ("filters?layer=conv1", "There is no layer 'conv1'"),
        ("filters?layer=add15", "add15 (addition) has no filters"),
        ("filters?layer=conv0&unit=32", "whole numbers from 0 to 31 for conv0, not '32'"),
        ("filters?layer=conv0&unit=1,,2", "not ''"),
        ("filters?layer=classifier&unit=" + ",".join("1" * 65), "at most 64 units"),
    ],
)
def test_what_is_not_there_is_refused(server: str, path: str, hint: str) -> None:
    refused = httpx.get(f"{server}/models/places365/{path}")
    problem(refused, 422, "invalid-parameter")
    assert hint in refused.json()["detail"]


def test_an_unknown_model_or_version_is_refused(server: str) -> None:
    problem(httpx.get(f"{server}/models/none/layers"), 404, "unknown-model")
    problem(httpx.get(f"{server}/models/places365/filters?version=9"), 404, "unknown-version")
